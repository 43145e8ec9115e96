"""Registration in the Glue catalogue, so that Athena sees the star schema."""

from dataclasses import dataclass

import awswrangler as wr
from botocore.exceptions import BotoCoreError, ClientError

from transformation.star_schema.types import to_duckdb
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
DENIED = {"AccessDeniedException", "UnrecognizedClientException", "ExpiredTokenException"}


@dataclass(frozen=True)
class GlueCatalogue:
    """One Glue database over the processed bucket."""

    database: str
    root: str  # s3://bucket/prefix of the processed store

    def register(self, table: WarehouseTable) -> None:
        """Create the table, or add the columns that it does not have yet."""
        kinds = {column.name: glue_type(column.type) for column in table.columns}
        try:
            wr.catalog.create_parquet_table(
                database=self.database,
                table=table.name,
                path=f"{self.root.rstrip('/')}/{table.name}/",
                # Athena reads no time of day from Parquet: declared as anything, it would break SELECT *.
                columns_types={name: kind for name, kind in kinds.items() if kind is not None},
                mode="append",
                catalog_versioning=False,
            )
        except ClientError as error:
            raise self._named(error) from error
        except BotoCoreError as error:
            raise ObjectStoreUnavailableError(f"Glue cannot be reached: {error}") from error

    def _named(self, error: ClientError) -> PipelineError:
        code = error.response.get("Error", {}).get("Code", "")
        if code == "EntityNotFoundException":
            return ConfigurationError(f"Glue has no database {self.database}. Create it, or correct GLUE_DATABASE.")
        if code in DENIED:
            return AccessDeniedError(f"Glue refused {self.database}: {error}. Allow this role to change its tables.")
        return ObjectStoreUnavailableError(f"Glue did not answer for {self.database}: {error}")


def glue_type(postgres: str) -> str | None:
    """Return the Glue type of a column as its Parquet holds it, None where Athena could not read it."""
    kind = to_duckdb(postgres)
    return kind.lower() if kind.startswith("DECIMAL") else GLUE.get(kind)
