import pytest

from tests.manifest_factories import column, source_table
from utils.errors import ConfigurationError, ModelError
from utils.joins import resolve_lookups
from utils.manifest import ForeignKey
from utils.model_file import read_model
from utils.project import read_project

HEADER = 'kind = "dimension"\nkey = "id"\ndriving = "staff"\n'


def write_model(folder, header=HEADER, body="SELECT staff.id", name="dim_staff.sql"):
    path = folder / name
    path.write_text(f"/*\n{header}*/\n{body}\n")
    return path


def project_folder(folder, *models, pipeline=""):
    (folder / "models").mkdir()
    (folder / "pipeline.toml").write_text(pipeline)
    for name, header in models:
        write_model(folder / "models", header, name=name)
    return folder


def test_a_header_is_read_and_the_body_keeps_its_line(tmp_path):
    model = read_model(write_model(tmp_path, HEADER + '[lookups]\ndepartment = {}\n[tests]\nnot_null = ["id"]\n'))

    assert (model.name, model.kind, model.key, model.driving) == ("dim_staff", "dimension", ("id",), "staff")
    assert [lookup.table for lookup in model.lookups] == ["department"]
    assert model.body.strip() == "SELECT staff.id"
    assert model.text.split("\n")[model.body_line] == "SELECT staff.id"


@pytest.mark.parametrize(
    ("header", "line", "says"),
    [
        ('kind = "dimenson"\nkey = "id"\ndriving = "staff"\n', 2, "kind"),
        ('kind = "dimension"\nkey = "id"\n', 2, "driving"),
        ('kind = "dimension"\ndriving = "staff"\n', 2, "key"),
        (HEADER + "histroy = 1\n", 5, "histroy"),
        (HEADER + "tests = =\n", 5, "TOML"),
        (HEADER + '[lookups]\nd = { from = "nowhere" }\n', 6, "nowhere"),
        (HEADER + '[lookups]\nd = { file = "d.csv" }\n', 6, "on"),
        (HEADER + '[lookups]\nd = { on = ["a"], key = ["b", "c"] }\n', 6, "joins"),
        (HEADER + "[tests.range]\nage = [1]\n", 6, "bounds"),
        (HEADER + 'record_id = "x"\n', 5, "only facts"),
    ],
)
def test_a_wrong_header_is_named_with_file_and_line(tmp_path, header, line, says):
    path = write_model(tmp_path, header)

    with pytest.raises(ModelError, match=says) as refusal:
        read_model(path)

    assert str(refusal.value).startswith(f"{path}:{line}:")


def test_a_file_without_a_header_is_named(tmp_path):
    path = tmp_path / "dim_x.sql"
    path.write_text("SELECT 1")

    with pytest.raises(ModelError, match="header"):
        read_model(path)


def test_a_reference_to_a_missing_model_is_refused(tmp_path):
    folder = project_folder(tmp_path, ("dim_staff.sql", HEADER + '[references]\na = "dim_nowhere"\n'))

    with pytest.raises(ModelError, match="dim_nowhere"):
        read_project(folder)


def test_a_project_tracks_every_table_that_models_and_settings_name(tmp_path):
    header = HEADER + '[lookups]\ndepartment = {}\nnames = { file = "n.csv", on = "code" }\n'
    pipeline = 'cursor = "seen"\n[tables.audit]\nfull = true\n'
    folder = project_folder(tmp_path, ("dim_staff.sql", header), pipeline=pipeline)

    project = read_project(folder)

    assert project.tables == ("audit", "department", "staff")
    assert project.table_settings("staff").cursor == "seen"
    assert project.table_settings("audit").full is True


@pytest.mark.parametrize(
    "pipeline", ["shema = 'x'", "[tables.staff]\nexclud = ['a']", "calendar_years = [2100, 1900]", "x"]
)
def test_a_wrong_pipeline_toml_is_named(tmp_path, pipeline):
    folder = project_folder(tmp_path, ("dim_staff.sql", HEADER), pipeline=pipeline)

    with pytest.raises(ConfigurationError, match=r"pipeline\.toml"):
        read_project(folder)


def staff_and_department(**changes):
    key = ForeignKey(("department_id",), "department", ("id",))
    staff = source_table("staff", columns=(column("id"), column("department_id")), foreign_keys=(key,), **changes)
    return {"staff": staff, "department": source_table("department")}


def test_a_lookup_defaults_to_the_sources_foreign_key(tmp_path):
    model = read_model(write_model(tmp_path, HEADER + "[lookups]\ndepartment = {}\n"))

    (lookup,) = resolve_lookups(model, staff_and_department())

    assert (lookup.on, lookup.key) == (("department_id",), ("id",))


@pytest.mark.parametrize(
    ("lookups", "says"),
    [
        ("staff2 = { table = 'staff' }", "no foreign key leads"),
        ("nowhere = {}", "does not have"),
        ("department = { on = 'department_id', key = 'name' }", "not unique"),
        ("department = { on = 'nothing', key = 'id' }", "nothing"),
    ],
)
def test_a_lookup_that_the_source_cannot_answer_is_refused(tmp_path, lookups, says):
    model = read_model(write_model(tmp_path, HEADER + f"[lookups]\n{lookups}\n"))

    with pytest.raises(ModelError, match=says):
        resolve_lookups(model, staff_and_department())
