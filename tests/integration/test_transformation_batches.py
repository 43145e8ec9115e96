"""Which rows a batch emits, and what they see: roles, joins, gone rows, late rows, whole tables, calendars."""

import datetime

import pytest

from tests.factories import Stage, foreign_key, source, sql_model, write_project
from utils.errors import ConfigurationError, DuplicateKeyError, IntegrityError, ModelError, SchemaDriftError
from utils.manifest import WarehouseColumn

STAFF = source(
    "staff",
    {"staff_id": "integer", "name": "text", "department_id": "integer", "at": "timestamp(3) without time zone"},
    foreign_keys=(foreign_key("department_id", "department", "department_id"),),
    cursor="at",
)
DEPARTMENT = source("department", {"department_id": "integer", "department_name": "text", "site_id": "integer"})
SITE = source("site", {"site_id": "integer", "city": "text"})
NOON, LATER = "2024-11-21 12:00:00", "2024-11-21 12:00:01"

DIM_STAFF = sql_model(
    "SELECT staff.staff_id, staff.name, department.department_name",
    driving="staff",
    key="staff_id",
    more="[lookups]\ndepartment = {}",
)


@pytest.fixture
def make(tmp_path):
    def stage(model=DIM_STAFF, pipeline="", lookups=None, **models):
        files = {"dim_staff.sql": model} | {f"{name}.sql": text for name, text in models.items()}
        return Stage(write_project(tmp_path / "project", files, pipeline, **lookups or {}), tmp_path)

    return stage


def test_changed_and_affected_rows_are_emitted_and_context_rows_are_only_seen(make):
    stage = make()
    stage.land(
        STAFF.holding((1, "Ann", 7, NOON), affected=[(2, "Bob", 8, NOON)], context=[(3, "Cid", 7, NOON)]),
        DEPARTMENT.holding((8, "Sales", None), context=[(7, "Tools", None)]),
    )

    stage.transform()

    assert stage.rows("dim_staff") == [(1, "Ann", "Tools"), (2, "Bob", "Sales")]


def test_a_lookup_that_finds_nothing_gives_null(make):
    stage = make()
    stage.land(STAFF.holding((1, "Ann", None, NOON)), DEPARTMENT)

    stage.transform()

    assert stage.rows("dim_staff") == [(1, "Ann", None)]


def test_lookups_chain_and_may_meet_one_table_twice(make):
    header = """[lookups]
department = {}
site = { from = "department", on = "site_id", key = "site_id" }
home = { table = "site", on = "staff_id", key = "site_id" }"""
    body = "SELECT staff.staff_id, site.city, home.city AS home"
    stage = make(sql_model(body, driving="staff", key="staff_id", more=header))
    stage.land(
        STAFF.holding((5, "Ann", 7, NOON)),
        DEPARTMENT.holding(context=[(7, "Tools", 4)]),
        SITE.holding(context=[(4, "Leeds"), (5, "York")]),
    )

    stage.transform()

    assert stage.rows("dim_staff") == [(5, "Leeds", "York")]


def test_a_lookup_file_joins_its_texts_to_any_type(make):
    header = '[lookups]\nnames = { file = "names.csv", on = "staff_id", key = "id" }'
    body = "SELECT staff.staff_id, names.nick"
    stage = make(
        sql_model(body, driving="staff", key="staff_id", more=header),
        lookups={"names": "\ufeffid,nick\r\n1,Annie\r\n2,\r\n"},
    )
    stage.land(STAFF.holding((1, "Ann", None, NOON), (2, "Bob", None, NOON)))

    stage.transform()

    assert stage.rows("dim_staff") == [(1, "Annie"), (2, None)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("id,nick\n1,a\n1,b\n", "holds the key 1 twice"),
        ("nick,other\na,b\n", "has no column id"),
        ("id,nick\n1\n", "cannot be read"),
        ("id,ID\n1,2\n", "a name of its own"),
        ("", "a name of its own"),
    ],
)
def test_a_broken_lookup_file_is_named(make, text, says):
    header = '[lookups]\nnames = { file = "names.csv", on = "staff_id", key = "id" }'
    stage = make(
        sql_model("SELECT staff.staff_id", driving="staff", key="staff_id", more=header), lookups={"names": text}
    )
    stage.land(STAFF.holding((1, "Ann", None, NOON)))

    with pytest.raises(ConfigurationError, match=rf"names\.csv.*{says}"):
        stage.transform()


@pytest.mark.parametrize("file", ["../pipeline.toml", "nowhere.csv"])
def test_a_lookup_file_lies_beside_the_models(make, file):
    header = f'[lookups]\nnames = {{ file = "{file}", on = "staff_id", key = "id" }}'
    stage = make(sql_model("SELECT staff.staff_id", driving="staff", key="staff_id", more=header))
    stage.land(STAFF.holding((1, "Ann", None, NOON)))

    with pytest.raises(ModelError, match="which is not in"):
        stage.transform()


def test_a_row_that_the_where_no_longer_lets_through_is_gone(make):
    stage = make(sql_model("SELECT staff.staff_id WHERE staff.name <> 'x'", driving="staff", key="staff_id"))
    stage.land(STAFF.holding((1, "x", None, NOON), (2, None, None, NOON), affected=[(3, "c", None, NOON)]))

    stage.transform()

    assert stage.rows("dim_staff") == [(3,)]
    assert stage.gone("dim_staff") == [(1,), (2,)]


def test_a_changed_row_at_or_below_the_last_high_water_mark_is_late(make):
    stage = make()
    staff = STAFF.having(previous_high_water_mark=NOON)
    changed = (1, "a", None, NOON), (2, "b", None, LATER), (3, "c", None, None)
    stage.land(staff.holding(*changed, affected=[(4, "d", None, NOON)]), DEPARTMENT)

    stage.transform()

    assert stage.rows("dim_staff", columns="staff_id, _late") == [(1, True), (2, False), (3, False), (4, False)]


def test_no_row_of_a_table_read_whole_is_late(make):
    stage = make()
    stage.land(STAFF.having(previous_high_water_mark=NOON, whole=True).holding((1, "a", None, NOON)), DEPARTMENT)

    stage.transform()

    assert stage.rows("dim_staff", columns="_late") == [(False,)]


def test_every_batch_defines_every_table_even_without_rows(make):
    stage = make()
    stage.land(STAFF, DEPARTMENT.holding((1, "Tools", None)))

    stage.transform()

    table = stage.table("dim_staff")
    assert table.columns[0] == WarehouseColumn("staff_id", "integer", not_null=True)
    assert (table.rows, table.gone, table.quarantine) == ((), (), ())


def test_a_column_that_the_source_lost_stops_the_run_and_says_what_to_do(make):
    stage = make(sql_model("SELECT staff.staff_id,\n    staff.nick", driving="staff", key="staff_id"))
    stage.land(STAFF.holding((1, "Ann", None, NOON)))

    with pytest.raises(SchemaDriftError, match=r"dim_staff\.sql:8: dim_staff needs staff\.nick.*Change the model"):
        stage.transform()


def test_a_lookup_that_finds_two_rows_is_told_and_not_written(make, tmp_path):
    header = '[lookups]\nsite = { on = "staff_id", key = "site_id" }'
    stage = make(sql_model("SELECT staff.staff_id, site.city", driving="staff", key="staff_id", more=header))
    stage.land(STAFF.holding((1, "Ann", None, NOON)), SITE.holding(context=[(1, "Leeds"), (1, "York")]))

    with pytest.raises(DuplicateKeyError, match="dim_staff"):
        stage.transform()

    assert not (tmp_path / "processed").exists()


def test_a_table_without_a_key_is_never_doubled_by_a_lookup(make):
    header = 'load = "replace"\n[lookups]\nhome = { table = "site", on = "site_id", key = "site_id" }'
    model = sql_model("SELECT department.department_id", driving="department", more=header).replace('key = "id"\n', "")
    stage = make(dim_department=model)
    stage.land(
        STAFF,
        DEPARTMENT.holding((1, "Tools", 4)).having(whole=True),
        SITE.holding(context=[(4, "Leeds"), (4, "York")]),
    )

    with pytest.raises(IntegrityError, match="dim_department made 2 rows of 1 in department"):
        stage.transform()


def replacing(where=""):
    text = f"SELECT site.site_id, site.city {where}"
    return sql_model(text, driving="site", more='load = "replace"').replace('key = "id"\n', "")


def test_a_table_that_is_replaced_is_emitted_whole_or_not_at_all(make):
    stage = make(dim_site=replacing())
    stage.land(SITE.holding((1, "Leeds")).having(whole=True), STAFF, DEPARTMENT)
    stage.land(SITE.holding((2, "York")), STAFF, DEPARTMENT, number=2)

    stage.transform()

    assert stage.rows("dim_site") == [(1, "Leeds")]
    assert stage.table("dim_site", 2).rows == ()


def test_a_table_that_became_empty_replaces_what_was(make):
    stage = make(dim_site=replacing())
    stage.land(SITE.having(whole=True), STAFF, DEPARTMENT)

    stage.transform()

    assert [file.rows for file in stage.table("dim_site").rows] == [0]


def test_a_replaced_table_may_leave_rows_out_without_telling_which(make):
    stage = make(dim_site=replacing("WHERE site.city <> 'York'"))
    stage.land(SITE.holding((1, "Leeds"), (2, "York")).having(whole=True), STAFF, DEPARTMENT)

    stage.transform()

    assert stage.rows("dim_site") == [(1, "Leeds")]
    assert stage.table("dim_site").gone == ()


CALENDAR = sql_model(
    "SELECT calendar.date AS date_id, CAST(isodow(calendar.date) AS integer) AS day_of_week",
    driving=None,
    kind="calendar",
    key="date_id",
)
DATED = sql_model(
    "SELECT staff.staff_id, CAST(staff.at AS date) AS day",
    driving="staff",
    key="staff_id",
    more='[references]\nday = "dim_date"',
)


def test_a_calendar_covers_whole_years_of_every_date_that_references_it(make):
    stage = make(DATED, dim_date=CALENDAR)
    stage.land(STAFF.holding((1, "a", None, "2023-05-01 00:00:00"), (2, "b", None, "2024-11-21 00:00:00")))

    stage.transform()

    days = stage.rows("dim_date")
    assert (days[0], days[-1]) == ((datetime.date(2023, 1, 1), 7), (datetime.date(2024, 12, 31), 2))
    assert len(days) == 365 + 366
    assert stage.manifest().calendar == ("2023-01-01", "2024-12-31")


def test_a_calendar_is_emitted_again_only_when_it_grew(make):
    stage = make(DATED, dim_date=CALENDAR)
    for number, day in enumerate(("2024-05-01", "2024-06-01", "2025-01-01"), 1):
        stage.land(STAFF.holding((1, "a", None, f"{day} 00:00:00")), number=number)

    stage.transform()

    assert [len(stage.rows("dim_date", number)) for number in (1, 2, 3)] == [366, 0, 366 + 365]
    assert stage.manifest(2).calendar == ("2024-01-01", "2024-12-31")


def test_a_base_batch_holds_the_whole_calendar_so_that_an_empty_warehouse_may_start_there(make):
    stage = make(DATED, dim_date=CALENDAR)
    stage.land(STAFF.holding((1, "a", None, "2024-05-01 00:00:00")))
    stage.land(STAFF.holding((1, "a", None, "2024-05-01 00:00:00")), number=2, base=2)

    stage.transform()

    assert len(stage.rows("dim_date", 2)) == 366


def test_dates_of_quarantined_rows_do_not_stretch_the_calendar(make):
    stage = make(DATED, "calendar_years = [2000, 2030]", dim_date=CALENDAR)
    stage.land(STAFF.holding((1, "a", None, "2024-05-01 00:00:00"), (2, "b", None, "2203-05-01 00:00:00")))

    stage.transform()

    assert stage.manifest().calendar == ("2024-01-01", "2024-12-31")
    assert [found["key"] for found in stage.quarantined("dim_staff")] == [{"staff_id": "2"}]
