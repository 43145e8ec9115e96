"""Registration in the Glue catalogue, so that Athena sees the star schema."""

from dataclasses import dataclass

import awswrangler as wr

from transformation.star_schema.types import to_duckdb
from utils.aws_errors import Fault, named_errors
from utils.errors import AccessDeniedError, ConfigurationError, ObjectStoreUnavailableError, PipelineError
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
    "VARCHAR": "string",
}


@dataclass(frozen=True)
class GlueCatalogue:
    """One Glue database over the processed bucket."""

    database: str
    root: str  # s3://bucket/prefix of the processed store

    def register(self, table: WarehouseTable) -> None:
        """Create the table, or add the columns that it does not have yet."""
        kinds = {column.name: glue_type(column.type) for column in table.columns}
        with named_errors("Glue", ObjectStoreUnavailableError, self._named):
            wr.catalog.create_parquet_table(
                database=self.database,
                table=table.name,
                path=f"{self.root.rstrip('/')}/{table.name}/",
                # Athena reads no time of day from Parquet: declared as anything, it would break SELECT *.
                columns_types={name: kind for name, kind in kinds.items() if kind is not None},
                mode="append",
                catalog_versioning=False,
            )

    def _named(self, fault: Fault) -> PipelineError:
        if fault.code == "EntityNotFoundException":
            return ConfigurationError(f"Glue has no database {self.database}. Create it, or correct GLUE_DATABASE.")
        if fault.is_denied:
            return AccessDeniedError(
                f"Glue refused {self.database}: {fault.message}. Allow this role to change its tables."
            )
        return ObjectStoreUnavailableError(f"Glue did not answer for {self.database}: {fault.code}: {fault.message}")


def glue_type(postgres: str) -> str | None:
    """Return the Glue type of a column as its Parquet holds it, None where Athena could not read it."""
    kind = to_duckdb(postgres)
    return kind.lower() if kind.startswith("DECIMAL") else GLUE.get(kind)
