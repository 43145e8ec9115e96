import boto3
import pytest
from moto import mock_aws

from tests.factories import Stage, source, sql_model, write_project
from transformation.star_schema import wiring
from transformation.star_schema.glue import GlueCatalogue
from utils.errors import ConfigurationError
from utils.manifest import WarehouseColumn, WarehouseTable

COLUMNS = {
    "id": "integer",
    "price": "numeric(10,2)",
    "wide": "numeric",
    "at": "timestamp with time zone",
    "day": "date",
    "hour": "time without time zone",
    "note": "jsonb",
}


def table(**columns):
    return WarehouseTable(
        name="dim_item",
        kind="dimension",
        load="merge",
        key=("id",),
        columns=tuple(WarehouseColumn(name, kind, not_null=False) for name, kind in columns.items()),
        references=(),
        unique=(),
        record_id=None,
        source="item",
    )


@pytest.fixture
def glue():
    with mock_aws():
        client = boto3.client("glue")
        client.create_database(DatabaseInput={"Name": "star"})
        yield client


@pytest.fixture
def catalogue():
    return GlueCatalogue("star", "s3://processed/warehouse")


def columns_of(glue):
    found = glue.get_table(DatabaseName="star", Name="dim_item")["Table"]["StorageDescriptor"]["Columns"]
    return {column["Name"]: column["Type"] for column in found}


def test_a_table_is_registered_over_its_folder_with_types_that_athena_reads(glue, catalogue):
    catalogue.register(table(**COLUMNS))

    assert columns_of(glue) == {
        "id": "int",
        "price": "decimal(10,2)",
        "wide": "string",
        "at": "timestamp",
        "day": "date",
        "note": "string",
    }
    place = glue.get_table(DatabaseName="star", Name="dim_item")["Table"]["StorageDescriptor"]["Location"]
    assert place == "s3://processed/warehouse/dim_item/"


def test_a_new_column_is_added_to_the_registered_table(glue, catalogue):
    catalogue.register(table(id="integer"))

    catalogue.register(table(id="integer", name="text"))

    assert columns_of(glue) == {"id": "int", "name": "string"}


def test_a_missing_database_is_named(glue):
    with pytest.raises(ConfigurationError, match="no database nowhere"):
        GlueCatalogue("nowhere", "s3://processed").register(table(id="integer"))


def test_only_tables_with_rows_are_registered_and_only_when_their_files_are_there(glue, tmp_path):
    models = {"dim_item.sql": sql_model("SELECT item.id"), "dim_box.sql": sql_model("SELECT box.id", "box")}
    stage = Stage(write_project(tmp_path / "project", models), tmp_path)
    columns = {"id": "integer"}
    stage.land(source("item", columns).holding((1,)), source("box", columns))

    stage.transform(catalogue=wiring.LazyGlue("star", "s3://processed"))

    assert [found["Name"] for found in glue.get_tables(DatabaseName="star")["TableList"]] == ["dim_item"]
