"""A SQL model's body, parsed by DuckDB itself: a SELECT list and perhaps a WHERE, nothing else."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import duckdb

from utils.errors import ModelError
from utils.model import Model
from utils.postgres.names import identifier

REFUSED = {
    "SUBQUERY": "holds a subquery; declare a lookup in the header instead",
    "WINDOW": "holds a window function, which a batch of changed rows cannot answer",
    "STAR": "selects *; name each column, so that a new source column never changes the warehouse by itself",
    "PARAMETER": "holds a parameter",
    "POSITIONAL_REFERENCE": "names a column by its position; name it alias.column",
    "DEFAULT": "holds DEFAULT, which has no meaning in a SELECT",
}

MULTIPLYING = {"unnest", "unlist"}


@dataclass(frozen=True)
class Reference:
    """A column that an expression names; `alias` is None when the body left it out."""

    alias: str | None
    column: str
    line: int


@dataclass(frozen=True)
class Item:
    """One output column."""

    name: str
    expression: str  # SQL
    references: tuple[Reference, ...]
    bare: bool  # the expression is one column and nothing else


@dataclass(frozen=True)
class SelectList:
    """A parsed body."""

    items: tuple[Item, ...]
    where: str | None
    where_references: tuple[Reference, ...] = ()

    @property
    def columns(self) -> str:
        """The items as SQL."""
        return ", ".join(f"{item.expression} AS {identifier(item.name)}" for item in self.items)

    @property
    def names(self) -> list[str]:
        """The output columns in order."""
        return [item.name for item in self.items]


def parse_body(model: Model) -> SelectList:
    """Parse a SQL model's body, or raise ModelError that names the line and what a batch cannot answer."""
    try:
        return _parse(model)
    except RecursionError as error:
        raise model.error("nests expressions too deep; compute it in parts", "SELECT") from error


def _parse(model: Model) -> SelectList:
    parser = _Parser(model)
    node = parser.node()
    items = tuple(parser.item(record) for record in node["select_list"])
    where = node["where_clause"]
    if where is None:
        return SelectList(items, None)
    parser.check(where)
    return SelectList(items, _to_sql(where), tuple(parser.references(where)))


@dataclass(frozen=True)
class _Parser:
    model: Model

    def node(self) -> dict[str, Any]:
        answer = _serialize(self.model.body)
        if answer["error"]:
            raise self._error(int(answer.get("position", 0)), f"is not a SELECT: {answer['error_message']}")
        if len(answer["statements"]) != 1:
            raise self._error(0, "needs one SELECT after its header")
        node: dict[str, Any] = answer["statements"][0]["node"]
        self._refuse_clauses(node)
        return node

    def _refuse_clauses(self, node: dict[str, Any]) -> None:
        if node["type"] != "SELECT_NODE" or node["cte_map"]["map"]:
            raise self._error(0, "is more than one SELECT; the engine joins what the header declares")
        if node["from_table"]["type"] != "EMPTY":
            place = node["from_table"]["query_location"]
            raise self._error(place, "has a FROM; the engine writes it from driving and lookups in the header")
        if node["group_expressions"] or node["having"] or node["aggregate_handling"] != "STANDARD_HANDLING":
            raise self._error(0, "groups rows, which a batch of changed rows cannot answer")
        if node["modifiers"] or node["qualify"] or node["sample"]:
            raise self._error(0, "has DISTINCT, ORDER BY, LIMIT, QUALIFY or a sample; a model maps row by row")

    def item(self, record: dict[str, Any]) -> Item:
        self.check(record)
        bare = record["class"] == "COLUMN_REF"
        name = record["alias"] or (record["column_names"][-1] if bare else "")
        if not name:
            raise self._error(record["query_location"], "computes a column without a name; add AS name")
        if name.startswith("_"):
            raise self._error(record["query_location"], f"names a column {name}; a leading _ is kept for Starlift")
        return Item(name, _to_sql(record), tuple(self.references(record)), bare)

    def check(self, record: Any) -> None:
        for expression in _expressions(record):
            place, kind = expression["query_location"], expression["class"]
            if kind in REFUSED:
                raise self._error(place, REFUSED[kind])
            if kind == "FUNCTION":
                self._check_function(expression["function_name"], place)

    def _check_function(self, name: str, place: int) -> None:
        if name.lower() in MULTIPLYING:
            raise self._error(place, f"calls {name}(), which makes several rows of one; a model maps row by row")
        kinds = _functions().get(name.lower(), set())
        if ("aggregate", "any") in kinds:
            raise self._error(place, f"aggregates with {name}(); a batch holds changed rows, not all of them")
        if ("scalar", "unstable") in kinds:
            raise self._error(
                place, f"calls {name}(), which gives another answer each time; a model depends on its rows alone"
            )

    def references(self, record: Any) -> Iterator[Reference]:
        aliases = {self.model.alias, *(lookup.alias for lookup in self.model.lookups)}
        parameters = _lambda_parameters(record)
        for expression in _expressions(record):
            if expression["class"] != "COLUMN_REF" or expression["column_names"][0] in parameters:
                continue
            names, line = expression["column_names"], self._line(expression["query_location"])
            alias, column = (None, names[0]) if len(names) == 1 else (names[0], names[1])
            if alias is not None and alias not in aliases:
                known = ", ".join(sorted(aliases))
                raise self._error(
                    expression["query_location"], f"reads {alias}, which is not in its header; it has {known}"
                )
            yield Reference(alias, column, line)

    def _line(self, place: int) -> int:
        body = self.model.body.encode()
        return self.model.body_line + body[: place if place < len(body) else 0].count(b"\n")

    def _error(self, place: int, message: str) -> ModelError:
        line = self._line(place)
        return ModelError(
            f"{self.model.path}:{line}: {self.model.name} {message}.", file=str(self.model.path), line=line
        )


@cache
def _parser() -> duckdb.DuckDBPyConnection:
    """Return a connection that only parses: opening one costs more than parsing a model."""
    return duckdb.connect(config={"threads": 1})


def _serialize(sql: str) -> dict[str, Any]:
    found = _parser().execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchone()
    answer: dict[str, Any] = json.loads(found[0] if found else "{}")
    return answer


def _to_sql(record: dict[str, Any]) -> str:
    """Return one expression as SQL, without its alias."""
    template = _serialize("SELECT 1")
    template["statements"][0]["node"]["select_list"] = [{**record, "alias": ""}]
    found = _parser().execute("SELECT json_deserialize_sql(?::VARCHAR)", [json.dumps(template)]).fetchone()
    return str(found[0] if found else "").removeprefix("SELECT ")


def _expressions(record: Any) -> Iterator[dict[str, Any]]:
    """Yield every expression in a part of the syntax tree, outermost first."""
    if isinstance(record, dict):
        if "class" in record and "query_location" in record:
            yield record
        for part in record.values():
            yield from _expressions(part)
    elif isinstance(record, list):
        for part in record:
            yield from _expressions(part)


def _lambda_parameters(record: Any) -> set[str]:
    """Return the names that lambdas, such as x in list_filter(list, lambda x: x > 1), give to their arguments."""
    sides = [part["lhs"] for part in _expressions(record) if part["class"] == "LAMBDA"]
    return {part["column_names"][0] for side in sides for part in _expressions(side) if part["class"] == "COLUMN_REF"}


@cache
def _functions() -> dict[str, set[tuple[str, str]]]:
    """Return DuckDB's own functions: aggregates, and scalars whose answer does not depend on their arguments alone."""
    found: dict[str, set[tuple[str, str]]] = {}
    rows = (
        _parser().execute("SELECT DISTINCT function_name, function_type, stability FROM duckdb_functions()").fetchall()
    )
    for name, kind, stability in rows:
        if kind == "aggregate":
            found.setdefault(name.lower(), set()).add((kind, "any"))
        elif kind == "scalar" and stability != "CONSISTENT":
            found.setdefault(name.lower(), set()).add((kind, "unstable"))
    return found
