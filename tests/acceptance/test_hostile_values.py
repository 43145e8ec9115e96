"""Values that try to break out of CSV, SQL, JSON and Parquet, or are too large for comfort: each arrives as it is."""

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from cli.main import app
from tests.acceptance.command import make_place
from utils.postgres.names import literal

THOROUGH = os.environ.get("STARLIFT_TEST_THOROUGH")
TEXTS = [
    *("", " ", "NULL", "null", "\\N", "\\.", "a\n\\.\nb", "\n", "\r", "a\rb", "a\r\nb", "\n\r\n", "\t", "\x01\x1f\x7f"),
    *(
        "'",
        '"',
        '""',
        '"a',
        'a"b,c"',
        ",",
        ",,",
        ";",
        "\\",
        "\\\\",
        "a\\",
        "\\'",
        '\\"',
        "\\x41",
        "\\u0000",
        "$$",
        "$1",
    ),
    *("'; DROP TABLE victim; --", '"; DROP TABLE victim; --', "*/", "/*", "--", "#", "%", "%s", ":id", "?", "{x}"),
    *("{", "}", "[1", '{"a": 1', "{NULL}", "NaN", "Infinity", "-0", "1e400", "true", "2024-02-30", "0001-01-01 BC"),
    *(
        "é",
        "日本",
        "שלום",
        "\u202eevil",
        "\u2028",
        "\ufeff",
        "\x80",
        "e\u0301",
        "😀",
        "\U0010ffff",
        "\ufffd",
        "x" * 9000,
    ),
    *(
        "=1+1",
        "@x",
        "\x1b[2J",
        "[/red]",
        ":heart:",
        "<script>",
        "../../etc/passwd",
        "_batch",
        "Äß",
        "ÄSS",
        "\u0130",
        "\u0131",
    ),
]
ITEM = '/*\nkind = "{kind}"\nkey = "id"\ndriving = "item"\n{more}*/\n{body}\n'
BODY = "SELECT item.id, item.v, item.l, item.j, item.b"
MEGABYTE = 1 << 20


def rows_of_texts():
    for number, text in enumerate(TEXTS, 1):
        value, document = literal(text), literal(json.dumps({"v": text, text: text}))
        yield f"({number}, {value}, ARRAY[{value}, NULL], {document}, convert_to({value}, 'UTF8'))"


def make_texts(place):
    place.ask(
        "CREATE TABLE victim (id int); CREATE TABLE item (id int PRIMARY KEY, v text, l text[], j jsonb, b bytea)"
    )
    place.ask(f"INSERT INTO item VALUES {', '.join(rows_of_texts())}")


def succeed(place, *verbs):
    for verb in verbs:
        done = place.starlift(verb)
        assert done.exit_code == 0, (done.output, done.exception)


@pytest.mark.parametrize(("kind", "table"), [("dimension", "dim_item"), ("fact", "current_fact_item")])
def test_texts_arrays_documents_and_bytes_arrive_unchanged_and_equal_themselves(tmp_path, make_database, kind, table):
    name = f"{table.removeprefix('current_')}.sql"
    place = make_place(tmp_path, make_database, {name: ITEM.format(kind=kind, more="", body=BODY)})
    make_texts(place)

    succeed(place, "run")
    place.ask("UPDATE item SET v = v")
    again = place.answer("run")["tables"][table.removeprefix("current_")]

    assert (again["loaded"], again["skipped"]) == (0, place.ask("SELECT count(*) FROM item")[0][0])
    columns = "id, v, l, j, b"
    held = place.dump(f"SELECT {columns} FROM {table} ORDER BY id", "warehouse")
    assert held == place.dump(f"SELECT {columns} FROM item ORDER BY id", "source")
    succeed(place, "verify")


def test_keys_of_any_text_are_found_again_changed_deleted_and_returned(tmp_path, make_database):
    models = {
        "dim_item.sql": ITEM.format(kind="dimension", more='history = "versions"\n', body="SELECT item.id, item.n")
    }
    pipeline = '[tables.item]\ndeletes = "compare-keys"\ndeletes_max_share = 1\n'
    place = make_place(tmp_path, make_database, models, pipeline)
    texts = [text for text in TEXTS if len(text) < 1000]
    place.ask("CREATE TABLE item (id text PRIMARY KEY, n int)")
    fill = f"INSERT INTO item VALUES {', '.join(f'({literal(text)}, 1)' for text in texts)}"

    for edit in (fill, "UPDATE item SET n = 2", "DELETE FROM item", fill):
        place.ask(edit)
        succeed(place, "run", "verify")

    assert sorted(row[0] for row in place.ask("SELECT id FROM dim_item WHERE NOT _deleted", "warehouse")) == sorted(
        texts
    )
    versions = "SELECT DISTINCT count(*) FROM dim_item_history GROUP BY id"
    assert place.ask(versions, "warehouse") == [[4]]


def test_references_lookups_and_accepted_values_of_any_text_match(tmp_path, make_database):
    texts = [text for text in TEXTS if len(text) < 1000]
    accepted = json.dumps(texts, ensure_ascii=False).replace("*/", "*\\u002F").replace("\x7f", "\\u007F")
    more = f'[lookups]\nkind = {{}}\n[references]\nk = "dim_kind"\n[tests.accepted]\nk = {accepted}\n'
    body = "SELECT item.id, item.k, kind.name"
    models = {"fact_item.sql": ITEM.format(kind="fact", more=more, body=body)}
    models["dim_kind.sql"] = '/*\nkind = "dimension"\nkey = "k"\ndriving = "kind"\n*/\nSELECT kind.k'
    place = make_place(tmp_path, make_database, models)
    place.ask("CREATE TABLE kind (k text PRIMARY KEY, name text)")
    place.ask("CREATE TABLE item (id int PRIMARY KEY, k text REFERENCES kind)")
    place.ask("".join(f"INSERT INTO kind VALUES ({literal(text)}, {literal(text)}); " for text in texts))
    place.ask("INSERT INTO item SELECT row_number() OVER (), k FROM kind")

    succeed(place, "run", "verify")

    assert place.answer("status")["quarantine"] == {}
    assert place.ask("SELECT count(*) FROM current_fact_item WHERE k = name", "warehouse") == [[len(texts)]]


def test_quarantine_keeps_shows_and_replays_rows_of_any_text(tmp_path, make_database):
    more = "[tests.range]\nn = [0, 1]\n"
    models = {"dim_item.sql": ITEM.format(kind="dimension", more=more, body="SELECT item.id, item.v, item.n")}
    place = make_place(tmp_path, make_database, models)
    texts = [text for text in TEXTS if len(text) < 1000]
    place.ask("CREATE TABLE item (id text PRIMARY KEY, v text, n int)")
    place.ask(f"INSERT INTO item VALUES {', '.join(f'({literal(text)}, {literal(text)}, 7)' for text in texts)}")
    succeed(place, "run", "verify", "status")

    listed, shown = quarantine("list", place, "--json"), quarantine("list", place)
    entries = json.loads(listed.stdout)["entries"]
    assert (
        sorted(entry["key"]["id"] for entry in entries)
        == sorted(texts)
        == sorted(entry["row"]["v"] for entry in entries)
    )
    assert not set("\x1b\x01\x7f\x80\u202e") & set(shown.stdout + quarantine("show", place, entries[0]["id"]).stdout)
    place.ask("UPDATE item SET n = 1")
    replayed = CliRunner().invoke(app, ["quarantine", "replay", "--all", *arguments(place)])

    assert replayed.exit_code == 0, replayed.output
    assert place.answer("status")["quarantine"] == {}
    assert sorted(row[0] for row in place.ask("SELECT v FROM dim_item", "warehouse")) == sorted(texts)


def arguments(place):
    given = {"project": place.project, "source": place.source, "warehouse": place.warehouse, "store": place.store}
    return [part for name, value in given.items() for part in (f"--{name}", str(value))]


def quarantine(verb, place, *more):
    done = CliRunner().invoke(app, ["quarantine", verb, "--warehouse", place.warehouse, *more])
    assert done.exit_code == 0, (done.output, done.exception)
    return done


DOC = "[lookups]\ndoc = {}\n"
DOC_BODY = "SELECT item.id, doc.title, length(doc.v) AS size"


@pytest.fixture
def documents(tmp_path, make_database):
    models = {
        "dim_item.sql": ITEM.format(kind="dimension", more=DOC, body=DOC_BODY),
        "dim_doc.sql": '/*\nkind = "dimension"\nkey = "id"\ndriving = "doc"\n*/\nSELECT doc.id, doc.title, doc.v',
    }
    place = make_place(tmp_path, make_database, models)
    place.ask("""CREATE TABLE doc (id int PRIMARY KEY, title text, v text);
                 CREATE TABLE item (id int PRIMARY KEY, doc int REFERENCES doc, n int);
                 ALTER TABLE doc ALTER v SET STORAGE external""")
    return place


SIZES = [3, 34, 100, 127] if THOROUGH else [3, 34]  # MB: beyond a line of DuckDB's, beyond its buffers, the maximum


@pytest.mark.parametrize("megabytes", SIZES)
@pytest.mark.parametrize("unit", ["ab", 'a"\n'] if THOROUGH else ["ab"])
def test_a_value_of_many_megabytes_arrives_and_is_found_by_what_looks_it_up(documents, megabytes, unit):
    if unit != "ab" and megabytes > 60:
        megabytes //= 2  # each quote is two bytes of CSV
    size = megabytes * MEGABYTE // len(unit)
    documents.ask(
        f"INSERT INTO doc VALUES (1, 'title', repeat({literal(unit)}, {size})); INSERT INTO item VALUES (1, 1)"
    )
    succeed(documents, "run")
    documents.ask("UPDATE item SET n = 1; UPDATE doc SET v = v || 'x'")
    succeed(documents, "run")

    check = "SELECT md5(v), length(v) FROM"
    assert documents.ask(f"{check} dim_doc", "warehouse") == documents.ask(f"{check} doc")
    assert documents.ask("SELECT title, size FROM dim_item", "warehouse") == [["title", size * len(unit) + 1]]


def test_rows_that_are_wide_and_many_arrive(documents):
    documents.ask("INSERT INTO doc SELECT i, 't', repeat(md5(i::text), 600) FROM generate_series(1, 2500) i")

    succeed(documents, "run")

    check = "SELECT count(*), sum(hashtext(v)) FROM"
    assert documents.ask(f"{check} dim_doc", "warehouse") == documents.ask(f"{check} doc")


@pytest.mark.parametrize("maximum", [50, 100_000, 3_000_000])
def test_a_row_beyond_the_maximum_is_named_with_its_table_and_nothing_lands(documents, maximum):
    (documents.project / "pipeline.toml").write_text(f"max_row_bytes = {maximum}\n")
    documents.ask(f"INSERT INTO doc VALUES (1, 't', 'small'), (2, 't', repeat('x', {maximum}))")

    done = documents.starlift("run")

    told = " ".join(done.output.split())
    assert done.exit_code == 1
    assert all(
        text in told for text in ("RowTooLargeError", f"maximum of {maximum:,}", "max_row_bytes", '"public"."doc"')
    )
    assert not list((documents.store / "landing").rglob("*.json"))


@pytest.mark.skipif(not THOROUGH, reason="takes a quarter of a minute; STARLIFT_TEST_THOROUGH=1 runs it")
@pytest.mark.parametrize(
    ("rows", "size", "most"), [(1, 100 * MEGABYTE, 900), (300, MEGABYTE, 500), (3000, 100_000, 500)]
)
def test_memory_stays_within_bounds_however_large_values_are(documents, rows, size, most):
    documents.ask(
        f"INSERT INTO doc SELECT i, 't', repeat(md5(i::text), {size // 32}) FROM generate_series(1, {rows}) i"
    )
    # Not getrusage(), which counts what the parent had when it forked.
    measured = "import re, sys; from cli.main import app; app(sys.argv[1:], standalone_mode=False); "
    measured += r"print(int(re.search(r'VmHWM:\s+(\d+)', open('/proc/self/status').read())[1]) // 1024)"

    done = subprocess.run(
        [sys.executable, "-c", measured, "run", *arguments(documents)], capture_output=True, text=True, check=True
    )

    assert int(done.stdout.split()[-1]) < most
