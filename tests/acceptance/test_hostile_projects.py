"""A project's files at their worst: no model at all, reaching for files and networks, of the wrong type."""

import os

import pytest

from tests.acceptance.command import make_place
from tests.conftest import run_on_server

HEADER = '/*\nkind = "dimension"\nkey = "id"\ndriving = "item"\n{more}*/\n'
BODY = "SELECT item.id, item.v\n"
MODEL = HEADER.format(more="") + BODY
WRONG = ["5", "true", "nan", "[]", "[5]", '[["a"]]', "{}", "{a=5}", '""', r'"\u0000"', "2020-01-01", '["a", 5]', '"*/"']


@pytest.fixture(scope="module")
def databases(postgres_server):
    names = [f"hostile_{os.getpid()}_{role}" for role in ("source", "warehouse")]
    for name in names:
        run_on_server(postgres_server, f"CREATE DATABASE {name} TEMPLATE template0")
    yield [postgres_server.url(name) for name in names]
    for name in names:
        run_on_server(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def place(tmp_path, databases):
    place = make_place(tmp_path, iter(databases).__next__, {"dim_item.sql": MODEL})
    place.ask("DROP TABLE IF EXISTS item; CREATE TABLE item (id int PRIMARY KEY, v text, other int)")
    place.ask("INSERT INTO item VALUES (1, 'a', 2)")
    place.ask("DROP SCHEMA IF EXISTS starlift, public CASCADE; CREATE SCHEMA public", "warehouse")
    return place


def refused(done, *says):
    assert done.exit_code == 1, (done.output, done.exception)
    told = " ".join(done.output.split())
    assert "Error: " in told
    for text in says:
        assert text in told, told


def is_named(done):
    """Tell whether the command succeeded or named what is wrong, and did neither crash nor run on."""
    return done.exit_code == 0 or (done.exit_code == 1 and isinstance(done.exception, SystemExit))


def model(place, body=BODY, more="", name="dim_item.sql"):
    (place.project / "models" / name).write_text(HEADER.format(more=more) + body)


MADE = {
    "a folder": (lambda path: path.mkdir(), "is not a file"),
    "a pipe": (os.mkfifo, "is not a file"),
    "not UTF-8": (lambda path: path.write_bytes(b"\xff\xfe"), "is not UTF-8"),
    "a link out": (lambda path: path.symlink_to("/etc/passwd"), "leads out of"),
    "a link to nothing": (lambda path: path.symlink_to("nowhere.sql"), "cannot be read"),
    "a link to itself": (lambda path: path.symlink_to(path), "cannot be read"),
    "empty": (lambda path: path.write_text(""), "starts with a /* ... */ comment"),
    "unclosed": (lambda path: path.write_text("/* kind ="), "starts with a /* ... */ comment"),
    "17 MiB": (lambda path: path.write_bytes(b" " * (17 << 20)), "larger than 16 MiB"),
    "nested": (lambda path: path.write_text(MODEL + ", " + "+".join(["1"] * 900) + " AS n"), "nests expressions"),
    "nested deeper": (lambda path: path.write_text(MODEL + ", " + "(" * 5000 + "1" + ")" * 5000), "is not a SELECT"),
}


@pytest.mark.parametrize("kind", MADE)
def test_what_is_no_model_is_named_with_its_file(place, kind):
    make, says = MADE[kind]
    make(place.project / "models/x.sql")

    for verb in ("check", "run", "status"):
        if kind not in {"nested", "nested deeper"} or verb == "check":
            refused(place.starlift(verb), "x.sql", says)


@pytest.mark.parametrize("name", [b"dim_\xff.sql", b"d" * 64 + b".sql", b"d" * 100 + b".sql"])
def test_a_model_whose_name_cannot_be_a_table_is_refused_before_a_row_is_read(place, name):
    with open(os.path.join(os.fsencode(place.project / "models"), name), "w") as stream:
        stream.write(MODEL)

    refused(place.starlift("check"), ".sql")


@pytest.mark.parametrize(
    "name", [".dim_x.sql", "...sql", "..sql", ".#dim_item.sql", "dim_item.sql~", "dim_item.sql.swp"]
)
def test_hidden_files_and_what_editors_leave_are_no_models(place, name):
    (place.project / "models" / name).write_text("neither TOML nor SQL")

    assert place.answer("check")["models"] == ["dim_item"]


@pytest.mark.parametrize("made", ["folder", "pipe", "bytes", "toml", "nothing"])
def test_a_pipeline_toml_that_cannot_be_read_is_named(place, made):
    path = place.project / "pipeline.toml"
    path.unlink()
    makers = {"folder": path.mkdir, "pipe": lambda: os.mkfifo(path), "bytes": lambda: path.write_bytes(b"\xff")}
    makers |= {"toml": lambda: path.write_text("x = "), "nothing": lambda: None}
    makers[made]()

    refused(place.starlift("check"), "ConfigurationError", "pipeline.toml")


REACHING = [
    "COPY (SELECT 1) TO '{out}'",
    "SELECT item.id; COPY (SELECT 1) TO '{out}'",
    "ATTACH '{out}'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "PRAGMA database_list",
    "CREATE TABLE x AS SELECT 1",
    "FROM read_text('/etc/passwd') SELECT item.id",
    "SELECT item.id, item.v FROM '/etc/passwd'",
    "SELECT item.id UNION ALL SELECT content FROM read_text('/etc/passwd')",
    "WITH x AS (FROM read_text('/etc/passwd')) SELECT item.id",
    "SELECT item.id, (SELECT content FROM read_text('/etc/passwd')) AS v",
    "SELECT item.id, EXISTS (FROM read_blob('/etc/passwd')) AS v",
    "SELECT item.id, item.v IN (FROM glob('/etc/*')) AS v",
    "SELECT item.id, list_transform([1], lambda x: (SELECT max(content) FROM read_text('/etc/passwd'))) AS v",
    "SELECT item.id WHERE (SELECT count(*) > 0 FROM read_csv('/etc/passwd'))",
    "SELECT item.id, read_text('/etc/passwd') AS v",
    "SELECT item.id, read_blob('https://127.0.0.1:1/x') AS v",
    "SELECT item.id, glob('/etc/*') AS v",
    "SELECT item.id, query('SELECT 1') AS v",
    "SELECT item.id, getenv('PGPASSWORD') AS v",
    "SELECT item.id, current_setting('temp_directory') AS v",
    "SELECT item.id, getvariable('x') AS v",
    "SELECT item.id, which_secret('s3://x', 's3') AS v",
    "SELECT item.id, write_log('x') AS v",
    "SELECT item.id, json_execute_serialized_sql(json_serialize_sql('SELECT 1')) AS v",
]


@pytest.mark.parametrize("body", REACHING)
def test_a_model_reaches_no_file_no_network_and_no_environment(place, tmp_path, body):
    out = tmp_path / "escaped"
    model(place, body.replace("{out}", str(out)))

    refused(place.starlift("check"), "ModelError", "dim_item.sql:")

    assert not out.exists()


@pytest.mark.parametrize("name", ["ctid", "xmin", "tableoid", "_batch", "x" * 64])
def test_a_column_name_that_postgres_or_starlift_keeps_is_refused_before_a_row_is_read(place, name):
    model(place, f"SELECT item.id, item.v AS {name}")

    refused(place.starlift("check"), "dim_item.sql:", name)


@pytest.mark.parametrize("name", ["id", "xmin", "_current", "r" * 64])
def test_a_record_id_that_could_not_be_a_column_is_refused(place, name):
    text = MODEL.replace('"dimension"', '"fact"').replace("*/", f'record_id = "{name}"\n*/')
    (place.project / "models/dim_item.sql").write_text(text)

    refused(place.starlift("check"), "dim_item.sql:", name)


HEADINGS = ["kind", "key", "driving", "lookups", "references", "tests", "types", "record_id", "load", "history"]
SECTIONS = [
    *(f"[lookups]\nother = {{ {name} = WRONG }}" for name in ("table", "file", "from", "on", "key")),
    *(f"[tests]\n{name} = WRONG" for name in ("not_null", "accepted", "range", "unique")),
    *("[tests.accepted]\nv = WRONG", "[tests.accepted]\nv = [WRONG]", "[tests.range]\nv = [WRONG, WRONG]"),
    *("[types]\nv = WRONG", "[references]\nv = WRONG"),
]


@pytest.mark.parametrize("setting", [*HEADINGS, *SECTIONS])
def test_a_header_of_any_type_is_taken_or_refused_by_name(place, setting):
    for wrong in WRONG:
        header = {"kind": '"dimension"', "key": '"id"', "driving": '"item"'}
        header |= {setting: wrong} if setting in HEADINGS else {}
        lines = [f"{name} = {value}" for name, value in header.items()]
        more = setting.replace("WRONG", wrong) if setting in SECTIONS else ""
        (place.project / "models/dim_item.sql").write_text("\n".join(["/*", *lines, more, "*/", BODY]))

        done = place.starlift("check")

        assert is_named(done), (wrong, done.exception)


SETTINGS = ["name", "schema", "cursor", "max_row_bytes", "warehouse_schema", "calendar_years", "tables"]
OF_TABLES = ["cursor", "exclude", "key", "overlap_seconds", "full", "deletes", "deletes_every", "deletes_max_share"]


@pytest.mark.parametrize("setting", [*SETTINGS, "max_horizon_age_seconds", *(f"tables.item.{s}" for s in OF_TABLES)])
def test_a_setting_of_any_other_type_is_refused_by_name(place, setting):
    for wrong in WRONG:
        (place.project / "pipeline.toml").write_text(f"{setting} = {wrong}")

        done = place.starlift("check")

        assert is_named(done), (wrong, done.exception)
        assert done.exit_code == 1 or wrong in ACCEPTED.get(setting, ()), (setting, wrong)


ACCEPTED = {  # of WRONG, what is right after all
    "name": ['"*/"'],
    "cursor": ['"*/"'],
    "max_row_bytes": ["5"],
    "warehouse_schema": ['"*/"'],
    "tables": ["{}"],
    "max_horizon_age_seconds": ["5"],
    "tables.item.exclude": ["[]"],
    "tables.item.key": ["[]"],
    "tables.item.overlap_seconds": ["5"],
    "tables.item.full": ["true"],
    "tables.item.deletes_every": ["5"],
}


@pytest.mark.parametrize("schema", ["starlift", "pg_catalog", "pg_temp", "information_schema", "x" * 64])
def test_a_warehouse_schema_that_is_not_for_tables_is_refused(place, schema):
    (place.project / "pipeline.toml").write_text(f'warehouse_schema = "{schema}"')

    refused(place.starlift("run"), "ConfigurationError", "warehouse_schema")


@pytest.mark.parametrize("name", ["x; DROP SCHEMA starlift", 'a"b', "a'b", "a:b", "a$$b", "[/red]", "Ünï"])
def test_project_and_warehouse_schema_of_any_name_are_only_names(place, name):
    quoted = "'''" + name + "'''"
    (place.project / "pipeline.toml").write_text(f"name = {quoted}\nwarehouse_schema = {quoted}")

    for verb in ("check", "run", "verify", "status"):
        done = place.starlift(verb)
        assert done.exit_code == 0, done.output

    schema = name.replace('"', '""')
    assert place.ask(f'SELECT v FROM "{schema}".dim_item', "warehouse") == [["a"]]
    assert place.ask("SELECT project FROM starlift.ledger", "warehouse") == [[name]]


LOOKUP = '[lookups]\nnames = {{ file = "{file}", on = "id" }}\n'


@pytest.mark.parametrize(
    "file", ["../pipeline.toml", "/etc/passwd", "../../../../etc/passwd", "link.csv", "pipe", "folder"]
)
def test_a_lookup_file_outside_its_folder_or_of_another_kind_is_refused(place, file):
    folder = place.project / "lookups"
    folder.mkdir()
    (folder / "link.csv").symlink_to("/etc/passwd")
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    model(place, "SELECT item.id", LOOKUP.format(file=file))

    for verb in ("check", "run", "status"):
        refused(place.starlift(verb), file)


def test_a_lookup_files_names_and_values_are_only_text(place):
    values = ["x'); DROP TABLE item; --", "a,b", 'say "hi"', "$$", ":v", "\\N", "\\.", "=1+1", "%s", "two\nlines", "é"]
    body = 'id,na\'me,"x""; DROP"\n' + "".join(f'{n},"{quoted(v)}",{n}\n' for n, v in enumerate(values, 1))
    (place.project / "lookups").mkdir()
    (place.project / "lookups/names; DROP TABLE item.csv").write_text(body)
    model(
        place,
        'SELECT item.id, names."na\'me" AS name, names."x""; DROP"',
        LOOKUP.format(file="names; DROP TABLE item.csv"),
    )
    place.ask(f"INSERT INTO item SELECT i, 'v' FROM generate_series(2, {len(values)}) i")

    for verb in ("run", "verify"):
        assert place.starlift(verb).exit_code == 0

    assert [row[0] for row in place.ask("SELECT name FROM dim_item ORDER BY id", "warehouse")] == values


def quoted(text):
    return text.replace('"', '""')


PYTHON = '"""\nkind = "dimension"\nkey = "id"\ndriving = "item"\n[types]\nid = "integer"\n"""\n'
BUILD = "\n\ndef build(item):\n    {body}\n"


@pytest.mark.parametrize(
    "body", ["raise SystemExit(0)", "raise OSError", "assert False", "return 5", "return item[['v']]"]
)
def test_a_python_model_that_fails_or_exits_in_build_is_named(place, body):
    (place.project / "models/dim_item.sql").unlink()
    (place.project / "models/dim_item.py").write_text(PYTHON + BUILD.format(body=body))

    refused(place.starlift("run"), "ModelError", "dim_item.py")


@pytest.mark.parametrize("line", ["raise SystemExit(0)", "1 / 0", "import nowhere", "def (", "open('/nowhere')", "x"])
def test_a_python_model_that_cannot_be_imported_is_named(place, line):
    (place.project / "models/dim_item.sql").unlink()
    (place.project / "models/dim_item.py").write_text(PYTHON + line + BUILD.format(body="return item[['id']]"))

    for verb in ("check", "run"):
        refused(place.starlift(verb), "ModelError", "dim_item.py")


def test_a_python_models_rows_are_not_what_another_model_reads(place):
    (place.project / "models/dim_item.py").write_text(
        PYTHON + BUILD.format(body="return item.assign(id=item['id'] + 100)[['id']]")
    )
    (place.project / "models/dim_item.sql").rename(place.project / "models/dim_later.sql")

    assert place.starlift("run").exit_code == 0

    assert place.ask("SELECT id, v FROM dim_later", "warehouse") == [[1, "a"]]
    assert place.ask("SELECT id FROM dim_item", "warehouse") == [[101]]
