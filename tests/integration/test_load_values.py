"""Values arrive as they left, whatever their type and whatever they and their columns are called."""

from dataclasses import replace

import pytest

from tests.load_factories import Place, dimension, fact
from utils.errors import IntegrityError
from utils.postgres.session import transaction

VALUES = {
    "text": ["", "NULL", 'a "b"\n,\\N\r\n\t', "naïve ☃", r"\."],
    "integer": ["-2147483648"],
    "numeric(10,2)": ["12345678.90", "-0.01"],
    "numeric": ["12345678901234567890.1234567890"],
    "real": ["0.1", "NaN", "Infinity"],
    "double precision": ["0.1", "1e+300", "-Infinity", "5e-324", "123456789.12345679"],
    "boolean": ["true"],
    "date": ["2024-02-29", "infinity"],
    "time without time zone": ["12:34:56.789", "24:00:00"],
    "timestamp without time zone": ["2024-01-01 00:00:00.000001", "infinity", "-infinity"],
    "timestamp with time zone": ["2024-01-01 00:00:00.123456+00", "infinity"],
    "json": ['{"b": 1,  "a": null}'],
    "jsonb": ['{"a": [1, "x\\""]}'],
    "bytea": ["\\x00ff22"],
    "integer[]": ["{1,NULL,3}"],
    "text[]": ['{"",NULL,"a,b","NULL"}'],
    "inet": ["10.0.0.1/8"],
    "interval": ["1 mon 2 days 03:04:05.5"],
    "uuid": ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
    "int4range": ["[1,5)"],
}
CASES = [(kind, value) for kind, values in VALUES.items() for value in [None, *values]]


@pytest.fixture
def place(make_database, tmp_path):
    return Place(make_database(), tmp_path)


def read_texts(place, query):
    return place.ask("SET TimeZone = 'UTC'; SET IntervalStyle = postgres; " + query)


def test_every_value_arrives_as_it_left_and_null_stays_apart_from_the_empty_string(place):
    columns = {f"c{number}": kind for number, (kind, _) in enumerate(CASES)}

    place.bring(dimension("dim_value", {"id": "integer", **columns}).bringing((1, *(value for _, value in CASES))))

    texts = ", ".join(f"{name}::text" for name in columns)
    (row,) = read_texts(place, f"SELECT {texts} FROM dim_value")
    assert list(zip(columns.values(), row, strict=True)) == CASES


def test_every_value_loaded_again_is_equal(place):
    columns = {"id": "integer", **{f"c{number}": kind for number, (kind, _) in enumerate(CASES)}}
    rows = (1, *(value for _, value in CASES))
    place.bring(fact("fact_value", columns).bringing(rows))

    counts = place.bring(fact("fact_value", columns).bringing(rows))

    assert counts["fact_value"] == {"loaded": 0, "skipped": 1, "quarantined": 0, "deleted": 0, "late": 0}


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("json", '{"a": 1}', '{"a":  1}'),
        ("interval", "1 mon", "30 days"),
        ("point", "(1,2)", "(1,3)"),
        ("box", "(1,1),(0,0)", "(2,2),(1,1)"),
        ("json[]", "{1}", "{2}"),
        ("pg_snapshot", "1:3:", "1:3:2"),
        ("txid_snapshot", "1:3:", "1:3:2"),
        ("refcursor", "a", "b"),
        ("numeric", "1.0", "1.00"),
        ("numeric[]", "{1.0}", "{1.00}"),
        ("numrange", "[1.0,2)", "[1.00,2)"),
        ("nummultirange", "{[1.0,2)}", "{[1.00,2)}"),
        ("jsonb", "[1.0]", "[1.00]"),
        ("real", "0", "-0"),
        ("double precision", "0", "-0"),
        ("double precision[]", "{0}", "{-0}"),
        ("tsquery", "'a':A", "'a':B"),
    ],
)
def test_types_without_trustworthy_equality_are_told_apart(place, kind, before, after):
    table = fact("fact_value", {"id": "integer", "value": kind})
    place.bring(table.bringing((1, before)))

    counts = [place.bring(table.bringing((1, value)))["fact_value"] for value in (before, after)]

    assert [count["loaded"] for count in counts] == [0, 1]


def test_an_exact_text_wins_over_a_value_that_was_too_much_for_its_type(place):
    table = dimension("dim_value", {"id": "integer", "amount": "numeric(10,2)", "day": "date"})
    exact = {1: {"amount": "NaN", "day": "0044-03-15 BC"}}

    place.bring(table.bringing((1, "1.50", "2024-01-01"), (2, None, None), (3, None, None), exact=exact))

    assert place.ask("SELECT amount::text, day::text FROM dim_value ORDER BY id") == [
        ["1.50", "2024-01-01"],
        ["NaN", "0044-03-15 BC"],
        [None, None],
    ]


def test_names_that_look_like_sql_are_only_names(place):
    columns = {'Key"; DROP TABLE x; --': "integer", "select": "text", ":name": "text", "it's %s {x}": "text"}
    name = 'Dim "A.b"; --'
    table = fact(name, columns, unique=((":name",),))
    place.bring(table.bringing((1, "a", "b", "c")))

    counts = place.bring(table.bringing((1, "a", "b", "d"), (2, "x", "b", "z")))

    assert (counts[name]["loaded"], counts[name]["quarantined"]) == (1, 1)
    assert place.ask("""SELECT "it's %s {x}" FROM "current_Dim ""A.b""; --" """) == [["d"]]


def test_names_as_long_as_postgresql_allows_do_not_meet(place):
    long = "d" * 62
    tables = [dimension(f"{long}{letter}").bringing((1, letter)) for letter in "ab"]

    place.bring(*tables)

    assert place.ask(f"SELECT a.name, b.name FROM {long}a a, {long}b b") == [["a", "b"]]


@pytest.mark.parametrize(
    ("setting", "kind", "value"),
    [
        ("DateStyle = 'German'", "date", "2024-02-03"),
        ("IntervalStyle = 'iso_8601'", "interval", "1 mon"),
        ("array_nulls = off", "text[]", "{NULL,a}"),
    ],
)
def test_the_roles_own_settings_change_nothing(place, setting, kind, value):
    table = fact("fact_value", {"id": "integer", "value": kind}).bringing((1, value))
    place.ask(f"ALTER ROLE postgres SET {setting}")
    try:
        counts = [place.bring(table) for _ in range(2)]
    finally:
        place.ask("ALTER ROLE postgres RESET ALL")

    assert [count["fact_value"]["loaded"] for count in counts] == [1, 0]
    assert place.ask("SELECT value::text FROM fact_value") == [[value]]


def test_money_and_xml_are_read_by_settings_of_the_load(place):
    place.ask("ALTER ROLE postgres SET lc_monetary = 'POSIX'; ALTER ROLE postgres SET xmloption = 'document'")
    try:
        with place.ports() as ports, transaction(ports.warehouse, 5):
            found = ports.warehouse.run("SELECT current_setting('lc_monetary'), current_setting('xmloption')")
    finally:
        place.ask("ALTER ROLE postgres RESET ALL")

    assert found == [["C", "content"]]


def test_a_file_with_other_rows_than_its_manifest_says_is_refused(place):
    written = place.write(dimension().bringing((1, "ann")))
    short = replace(written, rows=(replace(written.rows[0], rows=2),))
    place.transform(tables=(short,))

    with pytest.raises(IntegrityError, match="gave 1 rows"):
        place.load()


def test_a_column_that_the_file_lacks_is_refused(place):
    written = place.write(dimension().bringing((1, "ann")))
    place.transform(
        tables=(replace(written, columns=dimension(columns={"staff_id": "integer", "x": "text"}).table.columns),)
    )

    with pytest.raises(IntegrityError, match="lacks the column x"):
        place.load()


def test_an_altered_file_is_refused(place):
    place.transform(dimension().bringing((1, "ann")))
    (found,) = place.store.list("dim_staff/")
    place.store.put(found.key, b"other")

    with pytest.raises(IntegrityError, match="altered"):
        place.load()
