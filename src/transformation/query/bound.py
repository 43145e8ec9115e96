"""SQL with question marks, and the values that Athena puts in their places."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from utils.delivery_project import Value
from utils.errors import ConfigurationError

# What is quoted or a comment, in which nothing is looked for; then a parameter, and what a query cannot hold.
WORDS = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/|(?<![\w:]):(?P<name>[A-Za-z_]\w*)|(?P<other>[?;])""", re.DOTALL
)

LONGEST_LITERAL = 1024  # characters that Athena takes of one value; of their number it names no limit


@dataclass(frozen=True)
class Bound:
    """A piece of SQL and the values of its question marks, in order."""

    sql: str
    values: tuple[Value, ...] = ()

    def in_brackets(self) -> "Bound":
        """Return the piece in brackets."""
        return Bound(f"({self.sql})", self.values)

    @property
    def literals(self) -> list[str]:
        """Return the values as Athena wants to be given them: each as one literal of SQL."""
        return [_literal(value) for value in self.values]


def joined(separator: str, pieces: Iterable[Bound]) -> Bound:
    """Return pieces as one, their values in the order of their question marks."""
    found = list(pieces)
    return Bound(separator.join(each.sql for each in found), tuple(value for each in found for value in each.values))


def bind(sql: str, parameters: Mapping[str, Value], where: str) -> Bound:
    """Return a query whose `:names` are question marks, or raise ConfigurationError that names the file."""
    values: list[Value] = []

    def mark(found: re.Match[str]) -> str:
        if found["other"]:
            raise ConfigurationError(f"{where}: a query holds neither ? nor ;. Name its parameters, such as :least.")
        if found["name"] is None:
            return found[0]
        values.append(_value(found["name"], parameters, where))
        return "?"

    return Bound(WORDS.sub(mark, sql), tuple(values))


def names_in(sql: str) -> set[str]:
    """Return the names of the parameters that a query uses."""
    return {found["name"] for found in WORDS.finditer(sql) if found["name"]}


def _value(name: str, parameters: Mapping[str, Value], where: str) -> Value:
    if name not in parameters:
        known = ", ".join(sorted(parameters)) or "none"
        raise ConfigurationError(
            f"{where}: :{name} has no value. Declare it in [query.parameters], where there is {known}."
        )
    if len(_literal(parameters[name])) > LONGEST_LITERAL:
        raise ConfigurationError(
            f"{where}: the value of :{name} is longer than {LONGEST_LITERAL} characters, its quotes included and those "
            "in it doubled, which is all that Athena takes. Shorten it, or write it into the query."
        )
    return parameters[name]


def _literal(value: Value) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"  # a backslash means itself in Athena's SQL
    return str(value).lower() if isinstance(value, bool) else repr(value)
