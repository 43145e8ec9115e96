"""Which tables dropped files may go to, and what becomes of keys that mean harm."""

import pytest

from tests.file_drops import PLAIN, Drop, csv
from utils.errors import ConfigurationError, SchemaDriftError, UnroutableError

PARTED = """
[columns]
id = { type = "integer" }
model = { type = "text" }
city = { type = "text" }
[partitions]
hash = ["model", "city"]
count = 4
"""
TWO = "id,model\n"


@pytest.fixture
def drop(make_database, tmp_path):
    return Drop(make_database(), tmp_path).declare(plain=PLAIN)


def test_a_declared_table_is_created_with_its_partitions(drop):
    drop.declare(parted=PARTED)

    drop.drop("parted/a.csv", csv(*((n, f"m{n % 7}", "x") for n in range(100)), header="id,model,city\n"))

    kinds = "SELECT relkind::text, count(*) FROM pg_class WHERE relname LIKE 'parted%' GROUP BY 1 ORDER BY 1"
    assert drop.ask(kinds) == [["p", 1], ["r", 4]]
    assert drop.rows("parted", "count(*), count(DISTINCT tableoid) > 1") == [[100, True]]


HOSTILE = [
    "loose.csv",
    "/plain/a.csv",
    "plain/",
    "starlift/processed_files",
    "pg_catalog/x.csv",
    "../plain/x.csv",
    'plain"; DROP TABLE plain; --/x.csv',
    "pläin/x.csv",
    "PLAIN/x.csv",
    "a_view/x.csv",
    "pg_class/x.csv",
    "processed_files/x.csv",
    "plain\0/x.csv",
    "",
]


@pytest.mark.parametrize("existing", [False, True])
def test_a_key_that_names_no_table_of_the_project_is_not_loaded(drop, existing):
    drop.declare(f"[files]\nexisting = {str(existing).lower()}\n")
    drop.ask("CREATE VIEW public.a_view AS SELECT 1 AS id, 'x'::text AS model")
    drop.drop("plain/first.csv", TWO)

    for key in HOSTILE:
        with pytest.raises(UnroutableError):
            drop.drop(key, csv((1, "a"), header=TWO))

    assert drop.rows("plain") == []
    assert len(drop.ledger()) == 1


@pytest.mark.parametrize("name", ["plain/../../x.csv", "plain/a b+c.csv", "plain/ü'\"\\/x.csv", "plain/%2e/x.csv"])
def test_a_strange_name_below_a_folder_is_only_a_name(drop, name):
    drop.drop(name, "id,model\n1,a\nx,b\n")

    assert drop.rows("plain") == [[1, "a"]]
    assert drop.ledger("key, rows_rejected") == [[name, 1]]
    assert len(drop.rejected()) == 1


def test_a_table_that_exists_takes_files_where_the_project_allows_it(drop):
    drop.ask(
        'CREATE TABLE public."Odd ""name" (id bigserial PRIMARY KEY, day date, "the: value" numeric(4,1), '
        "twice numeric GENERATED ALWAYS AS (1) STORED)"
    )
    drop.declare("[files]\nexisting = true\n")

    drop.drop('Odd "name/a.csv', "the: value,day\n1.5,2021-01-01\n2.5,2021-02-30\n")

    assert drop.ask('SELECT day::text, "the: value"::text FROM public."Odd ""name"') == [["2021-01-01", "1.5"]]
    assert [row["line"] for row in drop.rejected()] == [3]


def test_only_tables_of_the_one_schema_are_found(drop):
    drop.ask("CREATE SCHEMA other")
    drop.ask("CREATE TABLE other.secret (id integer)")
    drop.declare('[files]\nexisting = true\nschema = "public"\n')

    for key in ("secret/x.csv", "other.secret/x.csv", 'other"."secret/x.csv'):
        with pytest.raises(UnroutableError):
            drop.drop(key, "id\n1\n")


def test_a_declared_table_is_reached_by_its_folder_alone_so_that_no_file_passes_its_rules_by(drop):
    drop.declare("[files]\nexisting = true\n", letters=f'table = "posts"\n{PLAIN}')
    drop.drop("letters/a.csv", "id,model\n1,a\n")

    with pytest.raises(UnroutableError, match="there are letters"):
        drop.drop("posts/a.csv", "id,model\n2,b\n")


DRIFTED = {
    "(id integer)": "it lacks model",
    "(id bigint, model text)": "its id is bigint and not integer",
    "(id integer, model text, more text NOT NULL)": "its more must not be null",
}


@pytest.mark.parametrize("columns", DRIFTED)
def test_a_table_of_somebody_else_that_does_not_fit_is_named_with_the_remedy(drop, columns):
    drop.ask(f"CREATE TABLE public.plain {columns}")

    with pytest.raises(SchemaDriftError, match=f"{DRIFTED[columns]}.*Alter the table, or declare it as it is"):
        drop.drop("plain/a.csv", TWO)


def test_a_view_in_the_place_of_a_declared_table_is_refused(drop):
    drop.ask("CREATE VIEW public.plain AS SELECT 1 AS id, 'x'::text AS model")

    with pytest.raises(SchemaDriftError, match="is not a table"):
        drop.drop("plain/a.csv", TWO)


def test_a_table_of_somebody_else_without_our_default_still_names_its_file(drop):
    drop.declare(plain=f'file_column = "source"\n{PLAIN}')
    drop.ask("CREATE TABLE public.plain (id integer, model text, source text, more text DEFAULT 'x')")

    drop.drop("plain/a.csv", "id,model\n1,a\n")

    assert drop.rows("plain", "source, more") == [["drop/plain/a.csv", "x"]]


def test_an_unknown_type_is_named_and_nothing_of_it_is_run(drop):
    drop.declare(plain='[columns]\nid = { type = "integer); DROP SCHEMA public; --" }\n')

    with pytest.raises(ConfigurationError, match="type"):
        drop.drop("plain/a.csv", "id\n1\n")
