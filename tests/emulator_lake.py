"""Athena over JSON lines, as its documentation has it: with parameters bound, and partitions projected.

Objects that the table's location template does not lead to are not there, as on AWS.
"""

import json
import re
import tempfile

import duckdb
import sqlglot
from ministack.services import glue, s3

TYPES = {"string": "VARCHAR", "bigint": "BIGINT", "double": "DOUBLE", "boolean": "BOOLEAN"}
ATHENA_TYPES = {
    "VARCHAR": "varchar",
    "BIGINT": "bigint",
    "INTEGER": "integer",
    "DOUBLE": "double",
    "BOOLEAN": "boolean",
}


def binding(start):
    """Return a way to start queries that puts the parameters where their question marks are."""

    def started(data):
        parameters = iter(data.get("ExecutionParameters") or [])
        sql = data["QueryString"]
        tokens = sqlglot.tokenize(sql, read="athena")
        marks = [token for token in tokens if token.token_type is sqlglot.TokenType.PLACEHOLDER]
        for mark, value in reversed(list(zip(marks, parameters, strict=True))):
            sql = f"{sql[: mark.start]}{value}{sql[mark.end + 1 :]}"
        return start({**data, "QueryString": sql})

    return started


def of_lakes(run):
    """Return what runs a query over partitions that are projected, and leaves every other one to `run`."""

    async def answer(sql, database, catalog=None):
        tables = [table for name, table in list(glue._tables.items()) if name.startswith(f"{database}/")]
        if any("storage.location.template" in table["Parameters"] for table in tables):
            return run_over_lines(sql, database, tables)
        return await run(sql, database, catalog)

    return answer


def run_over_lines(sql, database, tables):
    """Answer from the lines in the tables' partitions."""
    translated = sqlglot.transpile(sql, read="athena", write="duckdb")[0]
    with duckdb.connect() as connection, tempfile.TemporaryDirectory() as folder:
        connection.execute(f'CREATE SCHEMA "{database}"')
        for table in tables:
            create(connection, f'"{database}"."{table["Name"]}"', table, f"{folder}/{table['Name']}.json")
        found = connection.execute(translated)
        described = [(each[0], ATHENA_TYPES.get(str(each[1]), str(each[1]).lower())) for each in found.description]
        rows = [list(row) for row in found.fetchall()]
    return {"columns": [n.lower() for n, _ in described], "column_types": [kind for _, kind in described], "rows": rows}


def create(connection, name, table, path):
    """Make one table of what is in its partitions."""
    declared = table["StorageDescriptor"]["Columns"] + table["PartitionKeys"]
    columns = {each["Name"]: TYPES[each["Type"]] for each in declared}
    with open(path, "w") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows_of(table))
    listed = ", ".join(f"'{column}': '{kind}'" for column, kind in columns.items())
    connection.execute(
        f"CREATE VIEW {name} AS SELECT * FROM read_json('{path}', format = 'newline_delimited', columns = {{{listed}}})"
    )


def rows_of(table):
    """Yield the lines of every object that the projection leads to, their names in lower case as the SerDe has them."""
    bucket, _, template = table["Parameters"]["storage.location.template"].removeprefix("s3://").partition("/")
    names = re.findall(r"\$\{(\w+)\}", template)
    place = re.compile(re.sub(r"\\\$\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(template)) + "/[^/]+")
    for key in sorted(s3._buckets[bucket]["objects"]):
        found = place.fullmatch(key)
        if found and all(is_projected(table["Parameters"], name, found[name]) for name in names):
            for line in s3._get_object_data(bucket, key).splitlines():
                yield {**{name.lower(): value for name, value in json.loads(line).items()}, **found.groupdict()}


def is_projected(parameters, name, value):
    """Tell whether Athena computes this value of a partition of whole numbers."""
    least, most = map(int, parameters[f"projection.{name}.range"].split(","))
    digits = int(parameters[f"projection.{name}.digits"])
    return value in {str(number).zfill(digits) for number in range(least, most + 1)}
