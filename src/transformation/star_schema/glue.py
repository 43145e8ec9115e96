"""Registration in the Glue catalogue, so that Athena sees the star schema."""

from dataclasses import dataclass

import awswrangler as wr

from transformation.star_schema.types import to_duckdb
from utils.manifest import WarehouseTable

GLUE = {
    "SMALLINT": "smallint",
    "INTEGER": "int",
    "BIGINT": "bigint",
    "FLOAT": "float",
    "DOUBLE": "double",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamp",
    "TIME": "string",  # Athena has no time of day in Parquet
    "VARCHAR": "string",
}


@dataclass(frozen=True)
class GlueCatalogue:
    """One Glue database over the processed bucket."""

    database: str
    root: str  # s3://bucket/prefix of the processed store

    def register(self, table: WarehouseTable) -> None:
        """Create the table, or add the columns that it does not have yet."""
        wr.catalog.create_parquet_table(
            database=self.database,
            table=table.name,
            path=f"{self.root}/{table.name}/",
            columns_types={column.name: glue_type(column.type) for column in table.columns},
            mode="append",
            catalog_versioning=False,
        )


def glue_type(postgres: str) -> str:
    """Return the Glue type of a column as its Parquet holds it."""
    kind = to_duckdb(postgres)
    return kind.lower() if kind.startswith("DECIMAL") else GLUE[kind]
