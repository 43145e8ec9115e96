import pytest

from utils.errors import ConfigurationError
from utils.export_project import read_exports
from utils.export_table import Deletes, ExportTable, Format
from utils.postgres.names import TableName


@pytest.fixture
def read(tmp_path):
    """Return a function that writes tables and reads them as a project's."""

    def written(**tables):
        (tmp_path / "exports").mkdir(exist_ok=True)
        for name, text in tables.items():
            (tmp_path / "exports" / f"{name}.toml").write_text(text)
        return read_exports(tmp_path)

    return written


def test_a_project_without_exports_has_no_export_tables(tmp_path):
    assert read_exports(tmp_path) == {}


def test_a_table_needs_only_its_key(read):
    assert read(staff='key = ["id"]') == {"staff": ExportTable("staff", ("id",), TableName("public", "staff"))}


def test_every_setting_is_read(read):
    found = read(
        staff="""
        key = ["tenant", "id"]
        target = "hr.people"
        format = "csv"
        delimiter = "\\t"
        columns = ["tenant", "id", "name"]
        null = "NULL"
        closed_by = "_SUCCESS"
        version_pattern = 'v([0-9]+)'
        deletes = "mark"
        max_deleted_share = 0
        tenant_column = "customer"
        engine = "duckdb"
        """
    )["staff"]

    assert found == ExportTable(
        name="staff",
        key=("tenant", "id"),
        target=TableName("hr", "people"),
        format=Format.CSV,
        delimiter="\t",
        columns=("tenant", "id", "name"),
        null="NULL",
        closed_by="_SUCCESS",
        version_pattern="v([0-9]+)",
        deletes=Deletes.MARK,
        max_deleted_share=0.0,
        tenant_column="customer",
        engine="duckdb",
    )


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "key must name at least one column"),
        ('key = "id"', "key must be a list of columns"),
        ('key = ["id", "id"]', "key names a column twice"),
        ('key = ["id"]\ncolums = ["id"]', "unknown setting 'colums'"),
        ('key = ["id"]\nformat = "xml"', 'must be one of "csv", "parquet"'),
        ('key = ["id"]\ndeletes = "keep"', 'must be one of "delete", "mark"'),
        ('key = ["id"]\nengine = "spark"', 'must be one of "duckdb", "athena"'),
        ('key = ["id"]\nengine = "athena"', 'engine "athena" needs format "parquet"'),
        ('key = ["id"]\nengine = "athena"\nformat = "parquet"\nclosed_by = "DONE"', "closed_by must begin with _"),
        ('key = ["id"]\ndelimiter = "::"', "delimiter must be one ASCII character"),
        ('key = ["id"]\nnull = 0', "null must be a text in quotes"),
        ('key = ["id"]\nclosed_by = "a/_SUCCESS"', "closed_by is one object of the version"),
        ("key = [\"id\"]\nversion_pattern = 'v['", "version_pattern is no regular expression"),
        ("key = [\"id\"]\nversion_pattern = 'v[0-9]+'", "version_pattern has no group"),
        ('key = ["id"]\nmax_deleted_share = 2', "max_deleted_share must be from 0 to 1"),
        ('key = ["id"]\ntarget = "starlift.staff"', "target cannot be in starlift"),
        ('key = ["id"]\ntarget = "a.b.c"', "is not a table name"),
        ('key = ["id"]\ncolumns = ["name"]', "key names a column that columns lacks"),
        ('key = ["id"]\nformat = "parquet"\ncolumns = ["id"]', "columns is of CSV"),
        ('key = ["id"]\ntenant_column = "id"', "tenant_column is one of the export's columns"),
        ("key = [", "Unclosed|Invalid"),
    ],
)
def test_a_mistake_is_named_with_its_file(read, text, named):
    with pytest.raises(ConfigurationError, match=named) as refused:
        read(staff=text)

    if "table name" not in named:
        assert "exports/staff.toml" in str(refused.value)


def test_two_tables_cannot_fill_one_target(read):
    with pytest.raises(ConfigurationError, match=r"people.toml and staff.toml both name the target"):
        read(staff='key = ["id"]', people='key = ["id"]\ntarget = "staff"')


def test_hidden_files_are_an_editors_own(read, tmp_path):
    read(staff='key = ["id"]')
    (tmp_path / "exports" / ".staff.toml").write_text("half writ")

    assert list(read_exports(tmp_path)) == ["staff"]


def test_a_table_of_parquet_may_be_compared_in_athena(read):
    settings = 'key = ["id"]\nengine = "athena"\nformat = "parquet"\nclosed_by = "_SUCCESS"'

    assert read(staff=settings)["staff"].engine == "athena"
