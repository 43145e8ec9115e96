from pathlib import Path

import pytest

from local.checking import check_project
from utils.delivery_project import FieldType, RecordField, read_delivery
from utils.errors import ConfigurationError
from utils.project import read_project

SENSORS = Path(__file__).parents[2] / "projects" / "sensors"
WHEN = '[fields]\nwhen = { type = "timestamp" }\n'


def project(folder: Path, text: str) -> Path:
    (folder / "pipeline.toml").write_text('name = "things"\n')
    (folder / "delivery.toml").write_text(text)
    (folder / "query.sql").write_text("SELECT 1")
    return folder


def test_the_sensors_declare_their_fields_and_which_of_them_says_when():
    found = read_delivery(SENSORS)

    assert [each.name for each in found.fields] == ["sensorId", "rawTemperature", "rawHumidity", "timestamp"]
    assert found.fields[1] == RecordField("rawTemperature", FieldType.NUMBER, True, -459.67, 1000)
    assert found.timestamp == "timestamp"
    assert found.query.parameters["min_temperature"] == -40.0


def test_a_project_of_records_alone_needs_no_model():
    assert check_project(read_project(SENSORS), None) == []


def test_check_names_what_is_wrong_with_the_records(tmp_path):
    found = read_project(project(tmp_path, WHEN + "[ingest]\nmax_record = 1\n"))

    with pytest.raises(ConfigurationError, match=r"delivery.toml: \[ingest\]: unknown setting 'max_record'"):
        check_project(found, None)


def test_check_names_a_parameter_of_the_query_that_has_no_value(tmp_path):
    folder = project(tmp_path, WHEN)
    (folder / "query.sql").write_text("SELECT id FROM raw WHERE a > :least")

    with pytest.raises(ConfigurationError, match=r"query.sql: :least has no value"):
        check_project(read_project(folder), None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "exactly one of"),
        (WHEN + 'then = { type = "timestamp" }\n', "exactly one of"),
        (WHEN + 'a = { type = "text" }\n', r"a: type is 'text'; it must be one of string, integer, number"),
        (WHEN + 'a = "string"\n', "a must say its type"),
        (WHEN + 'a = { type = "string", minimum = 1 }\n', "minimum means nothing for a string"),
        (WHEN + 'a = { type = "number", minimum = 2, maximum = 1 }\n', "minimum is above maximum"),
        (WHEN + 'a = { type = "number", maximum = nan }\n', "maximum must be a number"),
        (WHEN + 'a = { type = "number", least = 1 }\n', "unknown setting 'least'"),
        (WHEN + 'When = { type = "string" }\n', "one column to Athena"),
        (WHEN + 'objectKey = { type = "string" }\n', "none of day, hour, id, month, objectkey, year"),
        (WHEN + '"a b" = { type = "string" }\n', "letters, digits and underscores"),
        (WHEN + "[ingest]\nmax_bytes = 6000000\n", "max_bytes must be at most 5242880"),
        (WHEN + "[ingest]\nmax_past_seconds = 316224001\n", "max_past_seconds must be at most 316224000"),
        (WHEN + '[query]\nfile = "none.sql"\n', "none.sql, which does not exist"),
        (WHEN + "[query]\noverlap_seconds = 87299\n", "overlap_seconds must be at least 87300"),
        (WHEN + "[query]\noverlap_seconds = 100000000000\n", "overlap_seconds must be at most 316224900"),
        (WHEN + "[query.parameters]\na = [1]\n", "the parameter a must be a text"),
        (WHEN + "[delivery]\nmax_records = 0\n", "max_records must be a whole number from 1 up"),
    ],
)
def test_a_wrong_declaration_is_refused_by_file_and_setting(tmp_path, text, message):
    with pytest.raises(ConfigurationError, match=message) as refused:
        read_delivery(project(tmp_path, text))

    assert "delivery.toml" in str(refused.value)


def test_an_overlap_that_just_reaches_the_latest_record_is_allowed(tmp_path):
    found = read_delivery(project(tmp_path, WHEN + "[query]\noverlap_seconds = 87300\n"))

    assert found.query.overlap_seconds == 87_300
