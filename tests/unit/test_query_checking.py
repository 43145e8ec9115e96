"""What `starlift check` finds in a query before a record comes."""

import pytest
from typer.testing import CliRunner

from cli.main import app
from local.delivery.query_checking import check_query
from utils.delivery_project import read_delivery
from utils.errors import ConfigurationError

DELIVERY = """
[fields]
meter = { type = "string", required = true }
pulses = { type = "integer" }
sealed = { type = "boolean" }
read_at = { type = "timestamp" }

[query.parameters]
least = 5
"""
COLUMNS = 'id, "objectKey", meter'


@pytest.fixture
def write(tmp_path):
    def write(columns=COLUMNS, rest="FROM raw WHERE pulses >= :least", more=""):
        (tmp_path / "pipeline.toml").write_text('name = "meters"')
        (tmp_path / "delivery.toml").write_text(DELIVERY + more)
        (tmp_path / "query.sql").write_text(f"SELECT {columns}\n{rest}\n")
        return read_delivery(tmp_path)

    return write


def refusal(project):
    with pytest.raises(ConfigurationError) as found:
        check_query(project)
    return str(found.value)


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ('"objectKey", meter', "selects no id"),
        ("id, meter", "selects no objectKey"),
        (f"{COLUMNS}, METER", "two columns are named meter. Rename one."),
        (f"{COLUMNS}, 1.5 AS factor", "column factor is of type decimal(2,1), of which JSON has none. CAST it"),
        (f"{COLUMNS}, array[pulses] AS all_pulses", "of which JSON has none"),
        (f"{COLUMNS}, :least AS least", "a list of columns, where Athena takes none"),
        (f"{COLUMNS}, meters", 'Referenced column "meters" not found in FROM clause'),
    ],
)
def test_columns_that_no_run_could_send_are_refused(write, columns, reason):
    assert reason in refusal(write(columns))


@pytest.mark.parametrize(
    ("rest", "reason"),
    [
        ("FORM raw WHERE pulses >= :least", "line 2, near 'raw'"),
        ("FROM raw WHERE (pulses >= :least", "line 2, near '?': Expecting )"),
        ("FROM raw WHERE meter >= ':least", "Error tokenizing"),
        ("FROM meters WHERE pulses >= :least", "Table with name meters does not exist. The query reads raw"),
        ("FROM raw WHERE meter >= :least", "Cannot compare values"),
        ("FROM raw", "declares least, but the query does not use :least"),
    ],
)
def test_a_query_that_athena_would_refuse_is_refused_with_its_place(write, rest, reason):
    assert reason in refusal(write(rest=rest))


@pytest.mark.parametrize("query", ["", "-- nothing yet", "DELETE FROM raw WHERE pulses >= :least"])
def test_what_is_not_one_select_is_refused(write, query):
    project = write()
    project.query.file.write_text(query)

    assert "a query is one SELECT over raw" in refusal(project)


def test_a_query_in_athenas_own_words_is_no_mistake(write):
    words = (
        "date_diff('day', from_iso8601_timestamp(read_at), now()) AS age, try_cast(meter AS double) AS d, "
        "sum(pulses) OVER (PARTITION BY meter) AS pulses, regexp_extract(meter, 'a(b)', 1) AS letter, sealed"
    )

    assert check_query(write(f"{COLUMNS}, {words}")) is None


def test_a_function_that_is_unknown_on_this_machine_is_told_and_is_no_mistake(write, tmp_path):
    write(f"{COLUMNS}, word_stem(meter) AS stem")

    checked = CliRunner().invoke(app, ["check", "--project", str(tmp_path)])

    assert checked.exit_code == 0
    assert "query.sql was not tried: Scalar Function with name word_stem does not exist" in checked.output
