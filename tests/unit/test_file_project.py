from pathlib import Path

import pytest

from local.checking import check_files
from utils.errors import ConfigurationError
from utils.file_project import read_file_project
from utils.file_table import HashPartitions, Limits, Mode, NewContent, Repeated, Rules
from utils.postgres.names import TableName
from utils.project import read_project

TELEMETRY = Path(__file__).parents[2] / "projects" / "telemetry"
COLUMNS = '[columns]\na = "text"\nb = "integer"\n'
FULL = """
table = "fleet.Readings"
key = ["a", "b"]
mode = "upsert"
repeated = "keep-last"
file_column = "source"
ignore = ["note"]
max_record_length = 5000
[columns]
a = { type = "numeric(5, 2)", source = "Alpha", path = "x[0].y", required = true, minimum = 0, maximum = 9.5 }
b = { type = "text", allowed = ["x", 1], pattern = "[a-z]", max_length = 3, default = "x", trim = true }
c = { type = "timestamp with time zone", minimum = 2026-01-01 }
[partitions]
hash = ["a"]
count = 8
[csv]
delimiter = ";"
encoding = "latin-1"
null = "NA"
[limits]
rows = 10
share = 0.5
"""


def project(folder, table=COLUMNS, pipeline=""):
    (folder / "files").mkdir()
    (folder / "files" / "reading.toml").write_text(table)
    (folder / "pipeline.toml").write_text(pipeline)
    return folder


def test_every_setting_is_read(tmp_path):
    table = read_file_project(project(tmp_path, FULL)).tables["reading"]

    assert (table.name, table.folder, table.key) == (TableName("fleet", "Readings"), "reading", ("a", "b"))
    assert (table.mode, table.repeated, table.new_content) == (Mode.UPSERT, Repeated.KEEP_LAST, NewContent.REPLACE)
    assert (table.partitions, table.limits) == (HashPartitions(("a",), 8), Limits(10, 0.5))
    assert (table.csv.delimiter, table.csv.encoding, table.csv.null) == (";", "iso8859-1", "NA")
    assert (table.file_column, table.ignored, table.max_record_length) == ("source", ("note",), 5000)
    first, second, third = table.columns
    assert (first.source, first.path, first.rules) == ("Alpha", "x[0].y", Rules(True, "0", "9.5"))
    assert second.rules == Rules(allowed=("x", "1"), pattern="[a-z]", max_length=3)
    assert (second.default, second.trim, third.rules.minimum) == ("x", True, "2026-01-01")


@pytest.mark.parametrize(
    ("more", "expected"),
    [("", NewContent.APPEND), ('mode = "upsert"\nkey = ["a"]', NewContent.UPSERT), ('file_column = "f"', "replace")],
)
def test_what_new_content_does_by_default_suits_the_table(tmp_path, more, expected):
    table = read_file_project(project(tmp_path, f"{more}\n{COLUMNS}")).tables["reading"]

    assert table.new_content == expected


def test_existing_tables_are_open_only_where_the_project_says_so(tmp_path):
    folder = project(tmp_path, pipeline='[files]\nschema = "fleet"\nexisting = true\n')

    found = read_file_project(folder)

    assert (found.existing_schema, found.tables["reading"].name.schema) == ("fleet", "fleet")
    assert read_file_project(TELEMETRY).existing_schema is None


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("colums = 1\n" + COLUMNS, "unknown setting 'colums'"),
        ("", "there are no columns"),
        ('[columns]\na = "text; drop table b"', "column 'a': type"),
        ("[columns]\na = { type = 'text', requird = true }", "column 'a': unknown setting 'requird'"),
        ("[columns]\na = 'text'\nb = { type = 'text', source = 'a' }", "two columns are filled from 'a'"),
        ("[columns]\na = { type = 'text', pattern = '[' }", "no regular expression"),
        ("[columns]\na = { type = 'text', allowed = [] }", "allowed must be a list"),
        ('mode = "insert"\n' + COLUMNS, 'one of "append"'),
        ('mode = "upsert"\n' + COLUMNS, "needs a key"),
        ('mode = "replace-partition"\n' + COLUMNS, "needs replace_by"),
        ('new_content = "replace"\n' + COLUMNS, "needs a file_column"),
        ('key = ["c"]\n' + COLUMNS, "key names 'c'"),
        ('key = ["a"]\n' + COLUMNS + '[partitions]\nhash = ["b"]', "must hold the columns that partition"),
        (COLUMNS + "[csv]\ndelimiter = ';;'", "delimiter must be one"),
        (COLUMNS + "[csv]\nquote = ','", "must differ"),
        (COLUMNS + "[csv]\nnull = 'a,b'", "null cannot hold"),
        (COLUMNS + "[csv]\nencoding = 'rot13'", "encoding 'rot13' is unknown"),
        (COLUMNS + "[limits]\nshare = 2", "share must be from 0 to 1"),
        ('table = "starlift.processed_files"\n' + COLUMNS, "keeps its ledger"),
        (COLUMNS + 'mode = "upsert"', "mode stands below"),
        (COLUMNS + 'key = ["a"]', "key stands below"),
        ('ignore = ["a"]\n' + COLUMNS, "ignore cannot name what fills a column"),
        (f"[columns]\n{'a' * 64} = 'text'", "more than PostgreSQL's 63 bytes"),
    ],
)
def test_a_wrong_setting_is_named_with_its_file(tmp_path, table, says):
    folder = project(tmp_path, table)

    with pytest.raises(ConfigurationError, match=rf"reading\.toml.*{says}"):
        read_file_project(folder)


def test_a_column_may_have_the_name_of_a_setting(tmp_path):
    table = read_file_project(project(tmp_path, "[columns]\nmode = 'text'\nkey = { type = 'integer' }")).tables[
        "reading"
    ]

    assert table.column_names == ("mode", "key")


@pytest.mark.parametrize(("kind", "least", "most"), [("integer", 5, 1), ("date", "2027-01-01", "2026-01-01")])
def test_a_minimum_above_the_maximum_is_named_before_any_file_comes(tmp_path, kind, least, most):
    column = f"[columns]\na = {{ type = '{kind}', minimum = {least}, maximum = {most} }}"

    with pytest.raises(
        ConfigurationError, match=rf"reading\.toml: column 'a': minimum {least} is above maximum {most}"
    ):
        check_files(read_project(project(tmp_path, column)))


def test_a_project_of_neither_models_nor_file_tables_is_told_of_both(tmp_path):
    folder = project(tmp_path)
    (folder / "files" / "reading.toml").rename(folder / "files" / "reading.tml")

    with pytest.raises(ConfigurationError, match=r"holds no model, and .*files and .*exports hold no table"):
        read_project(folder)


def test_two_folders_cannot_fill_one_table(tmp_path):
    folder = project(tmp_path)
    (folder / "files" / "other.toml").write_text('table = "reading"\n' + COLUMNS)

    with pytest.raises(ConfigurationError, match=r"other\.toml and reading\.toml both name"):
        read_file_project(folder)


def test_a_project_of_files_alone_needs_no_model(tmp_path):
    assert read_project(project(tmp_path)).models == ()
    assert check_files(read_project(TELEMETRY)) == ['"public"."vehicle_readings"']


def test_a_folder_without_pipeline_toml_is_told_how_to_get_one_with_a_database_and_without(tmp_path):
    (tmp_path / "meters").mkdir()

    with pytest.raises(ConfigurationError, match='starlift init.* needs no more than name = "meters"'):
        read_project(tmp_path / "meters")
