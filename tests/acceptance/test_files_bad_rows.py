"""Bad rows of dropped files: each goes to quarantine with its reason, also those that only PostgreSQL refuses."""

import pytest

from tests.file_drops import PLAIN, READINGS, Drop, csv
from utils.errors import FileRefusedError, QueryError

CHECKED = """
[columns]
id = { type = "integer", required = true }
day = { type = "date" }
amount = { type = "numeric(4,1)" }
"""
DAYS = "id,day,amount\n"


@pytest.fixture
def drop(make_database, tmp_path):
    return Drop(make_database(), tmp_path).declare(readings=READINGS, plain=PLAIN, days=CHECKED)


def make_days(drop, body="id integer, day date, amount numeric(4,1)"):
    drop.ask(f"CREATE TABLE public.days ({body})")


def told(drop):
    return [(row["line"], row["column"], row["rule"], row["raw"]) for row in drop.rejected()]


def test_a_row_that_breaks_a_rule_waits_in_quarantine_and_the_others_are_loaded(drop):
    report = drop.drop("readings/a b.csv", csv((1, "a", 5), ("", "b", 6), (3, "c", 7)))

    assert drop.rows() == [[1, "a"], [3, "c"]]
    assert told(drop) == [(3, "id", "required", ",b,6")]
    assert drop.ledger() == [["loaded", 3, 2, 1]]
    assert drop.ledger("quarantine") == [[report.quarantine]]


@pytest.mark.parametrize(
    ("bad", "column", "rule"),
    [
        ((2, "2021-02-30", 1), "day", "type"),
        ((2, "2021-02-03", "1e9"), "amount", "type"),
        ((2, "2021-02-03", 99999), "amount", "type"),
        ((99999999999, "2021-02-03", 1), "id", "type"),
        ((2, "9999999-01-01", 1), "day", "type"),
    ],
)
def test_a_value_that_its_type_cannot_hold_sends_its_row_to_quarantine(drop, bad, column, rule):
    drop.drop("days/a.csv", csv((1, "2021-01-01", 1), bad, (3, "2021-01-03", 3), header=DAYS))

    assert drop.rows("days", "id, amount::text") == [[1, "1.0"], [3, "3.0"]]
    assert told(drop) == [(3, column, rule, ",".join(map(str, bad)))]


TABLES = {
    "check": ("id integer, day date, amount numeric(4,1) CHECK (amount < 50)", "amount < 50"),
    "not null": ("id integer, day date NOT NULL, amount numeric(4,1)", "null value"),
    "unique": ("id integer UNIQUE, day date, amount numeric(4,1)", "already exists"),
    "deferred": ("id integer UNIQUE DEFERRABLE INITIALLY DEFERRED, day date, amount numeric(4,1)", "already exists"),
    "foreign key": ("id integer REFERENCES public.parents, day date, amount numeric(4,1)", "not present"),
}
BAD = {"check": (7, "2021-01-01", 60), "not null": (7, "", 1), "unique": (2, "2021-01-01", 1)}
BAD |= {"deferred": BAD["unique"], "foreign key": (777, "2021-01-01", 1)}


@pytest.mark.parametrize("kind", TABLES)
def test_a_row_that_a_constraint_refuses_goes_to_quarantine_alone(drop, kind):
    drop.ask("CREATE TABLE public.parents (id integer PRIMARY KEY)")
    drop.ask("INSERT INTO public.parents SELECT generate_series(0, 20)")
    make_days(drop, TABLES[kind][0])
    drop.declare(days=CHECKED.replace(", required = true", ""))
    good = [(n, "2021-01-01", 1) for n in range(5)]

    drop.drop("days/a.csv", csv(*good, BAD[kind], (6, "2021-01-01", 1), header=DAYS))

    assert [row[0] for row in drop.rows("days", "id, day")] == [0, 1, 2, 3, 4, 6]
    (row,) = drop.rejected()
    assert (row["line"], row["rule"]) == (7, "constraint")


def test_many_rows_that_only_the_server_refuses_are_all_found(drop):
    make_days(drop, "id integer CHECK (id % 3 > 0), day date, amount numeric(4,1)")

    drop.drop("days/a.csv", csv(*((n, "2021-01-01", 1) for n in range(1000)), header=DAYS))

    assert drop.rows("days", "count(*), 0") == [[666, 0]]
    assert [row["line"] for row in drop.rejected()] == [n + 2 for n in range(0, 1000, 3)]


def test_a_trigger_that_refuses_a_row_is_a_reason_too(drop):
    make_days(drop)
    drop.ask(
        "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF NEW.id = 2 THEN RAISE EXCEPTION 'no twos'; END IF; RETURN NEW; END $$"
    )
    drop.ask("CREATE TRIGGER refuse BEFORE INSERT ON public.days FOR EACH ROW EXECUTE FUNCTION public.refuse()")

    drop.drop("days/a.csv", csv(*((n, "2021-01-01", 1) for n in range(4)), header=DAYS))

    assert [row["reason"] for row in drop.rejected()] == ["PostgreSQL refused it: no twos."]
    assert [row[0] for row in drop.rows("days", "id, day")] == [0, 1, 3]


def test_an_error_about_no_single_row_says_where_it_was_and_nothing_that_stood_there(drop):
    make_days(drop)
    drop.ask(
        "CREATE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM 1 FROM no_such_table; RETURN NEW; END $$"
    )
    drop.ask("CREATE TRIGGER fail BEFORE INSERT ON public.days FOR EACH ROW EXECUTE FUNCTION public.fail()")

    with pytest.raises(QueryError, match=r"no_such_table[^$]*COPY days, line 1$") as error:
        drop.drop("days/a.csv", csv((4711, "2021-01-01", 1), header=DAYS))

    assert "4711" not in str(error.value)


LIMITS = {"rows": "rows = 2", "share": "share = 0.5"}


@pytest.mark.parametrize("limit", LIMITS)
def test_past_its_limit_the_whole_file_is_refused_and_the_ledger_says_so(drop, limit):
    drop.declare(readings=f"{READINGS}\n[limits]\n{LIMITS[limit]}\n")
    dropped = drop.put("readings/a.csv", csv((1, "a", 5), *((("", "b", 6),) * 3)))

    with pytest.raises(FileRefusedError, match=r"3 of 4 rows are bad.*nothing of the file is loaded"):
        drop.load(dropped)

    assert drop.rows() == []
    assert drop.ledger() == [["refused", 4, 0, 3]]
    assert "3 of 4 rows" in drop.ledger("reason")[0][0]
    assert len(drop.rejected()) == 3


@pytest.mark.parametrize("limit", LIMITS)
def test_at_its_limit_a_file_is_loaded(drop, limit):
    drop.declare(readings=f"{READINGS}\n[limits]\n{LIMITS[limit]}\n")

    drop.drop("readings/a.csv", csv((1, "a", 5), (2, "a", 5), ("", "b", 6), ("", "b", 7)))

    assert drop.ledger() == [["loaded", 4, 2, 2]]


def test_a_refused_file_is_loaded_when_its_limits_were_raised_and_it_comes_again(drop):
    dropped = drop.put("readings/a.csv", csv((1, "a", 5), ("", "b", 6)))
    drop.declare(readings=f"{READINGS}\n[limits]\nrows = 0\n")
    for _ in range(2):
        with pytest.raises(FileRefusedError):
            drop.load(dropped)

    drop.declare(readings=READINGS).load(dropped)

    assert drop.ledger() == [["loaded", 2, 1, 1]]


@pytest.mark.parametrize(
    "body", [b"id,modle,fuel\n1,a,5\n", b"id,model\n1,a\n", b"\x1f\x8b broken", b"id,model,fuel\n1,\xff,5\n"]
)
def test_a_file_that_cannot_be_read_is_refused_with_the_reason_in_the_ledger(drop, body):
    with pytest.raises(FileRefusedError):
        drop.drop("readings/a.csv", body)

    assert drop.ledger("outcome, rows_copied") == [["refused", 0]]
    assert drop.ledger("reason")[0][0]


END_MARKS = {"id,model\n1,a\n\\.\n2,b\n": [3, 2, 1], 'id,model\n1,a\n2,"x\n\\.\ny"\n3,c\n': [3, 3, 0]}


@pytest.mark.parametrize("text", END_MARKS)
def test_a_line_that_ends_the_data_for_older_servers_cuts_no_file_short(drop, text):
    drop.drop("plain/a.csv", text)

    assert drop.ledger("rows_read, rows_copied, rows_rejected") == [END_MARKS[text]]
