import os
import zipfile
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from local.packaging import packages
from local.packaging.build_target import here
from local.packaging.contents import append, installed_files, is_needed
from local.packaging.functions import FUNCTIONS, HANDLERS, lock_name
from local.packaging.packages import Build, Package, PackageError, build_packages, check_limit

TELEMETRY = Path(__file__).parents[2] / "projects" / "telemetry"


@dataclass
class Repository:
    """A repository in small, whose packages are written down and not downloaded."""

    root: Path
    installed: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def write(self, name, content=""):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    def install(self, lock, _target, folder):
        self.installed.append(lock)
        (folder / "thing").mkdir()
        (folder / "thing/__init__.py").write_text("")

    def build(self, **changes):
        self.said.clear()
        plan = Build(here(), folder=self.root / "build", say=self.said.append)
        return build_packages(replace(plan, **changes))


@pytest.fixture
def repository(tmp_path, monkeypatch):
    made = Repository(tmp_path)
    for stage, handler in HANDLERS.items():
        module = handler.rpartition(".")[0].replace(".", "/")
        made.write(f"src/{module}.py", f"from utils import log\nSTAGE = {stage!r}")
        made.write(f"requirements/{stage}.txt", f"{stage}==1 --hash=sha256:0")
    for name in ["src/utils/__init__.py", "src/utils/log.py", "src/utils/unused.py", "src/local/demo.py"]:
        made.write(name)
    made.write("projects/totesys/pipeline.toml")
    monkeypatch.setattr(packages, "ROOT", tmp_path)
    monkeypatch.setattr(packages, "_install", made.install)
    return made


def names(package):
    with zipfile.ZipFile(package) as archive:
        return set(archive.namelist())


def test_a_function_holds_what_its_handler_imports_and_the_project_and_its_layer_the_packages(repository):
    built = repository.build()["load"]

    shared = {"utils/__init__.py", "utils/log.py", "projects/totesys/pipeline.toml"}
    assert names(built.function) == {"load/warehouse/handler.py", *shared}
    assert names(built.layer) == {"python/thing/__init__.py"}


def test_another_project_takes_the_place_of_the_first(repository):
    repository.write("elsewhere/shop/pipeline.toml")
    repository.write("elsewhere/shop/models/dim_a.sql")

    built = repository.build(project=Path("elsewhere/shop"))["load"]

    inside = {name for name in names(built.function) if name.startswith("projects/")}
    assert inside == {"projects/shop/pipeline.toml", "projects/shop/models/dim_a.sql"}


def test_a_project_of_file_tables_alone_is_built_like_any_other(repository):
    built = repository.build(project=TELEMETRY)["load"]

    inside = {name for name in names(built.function) if name.startswith("projects/")}
    assert inside == {"projects/telemetry/pipeline.toml", "projects/telemetry/files/vehicle_readings.toml"}


def test_a_folder_that_is_no_project_is_refused_with_what_to_do(repository):
    with pytest.raises(PackageError, match=r"has no pipeline\.toml.*make build PROJECT="):
        repository.build(project=Path("projects"))


def test_hidden_files_of_a_project_stay_at_home(repository):
    project = repository.root / "projects/totesys"
    (project / ".git").mkdir()
    for name in (".env", ".git/config"):
        (project / name).write_text("secret")

    assert not [name for name in packages.project_files(project) if "/." in name]


def test_a_link_that_leads_out_of_the_project_is_refused(repository, tmp_path):
    (tmp_path / "elsewhere").write_text("not the project's")
    project = repository.root / "projects/totesys"
    (project / "rates.csv").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(PackageError, match="leads out of the project"):
        packages.project_files(project)


def test_unchanged_inputs_are_not_built_again(repository):
    repository.build()

    repository.build()

    assert len(repository.installed) == len(FUNCTIONS)
    assert all("unchanged" in line for line in repository.said)


def test_a_changed_source_builds_its_function_anew_with_the_layer_it_had(repository):
    repository.build()

    repository.write("src/load/warehouse/handler.py", "changed = 1")
    built = repository.build()

    assert [line.split()[0] for line in repository.said if line.split()[1] != "unchanged"] == ["load"]
    assert len(repository.installed) == len(FUNCTIONS)
    with zipfile.ZipFile(built["load"].function) as archive:
        assert archive.read("load/warehouse/handler.py") == b"changed = 1"


def test_a_changed_lock_installs_the_stages_packages_again(repository):
    repository.build()

    repository.write("requirements/load.txt", "load==2 --hash=sha256:0")
    repository.build()

    assert [lock.split("=")[0] for lock in repository.installed] == [*map(lock_name, FUNCTIONS), "load"]


def test_a_damaged_zip_is_built_again(repository):
    repository.build()["load"].function.write_bytes(b"PK")

    assert "load/warehouse/handler.py" in names(repository.build()["load"].function)


def test_two_repositories_with_the_same_content_make_the_same_zips(repository):
    first = repository.build(folder=repository.root / "first")
    for path in (repository.root / "src").rglob("*.py"):
        os.utime(path, (0, 0))
    second = repository.build(folder=repository.root / "second")

    for stage in FUNCTIONS:
        assert first[stage].function.read_bytes() == second[stage].function.read_bytes()
        assert first[stage].layer.read_bytes() == second[stage].layer.read_bytes()


def test_the_same_files_make_the_same_bytes(tmp_path):
    first, second = tmp_path / "first.zip", tmp_path / "second.zip"
    source = tmp_path / "a.py"
    source.write_text("a")
    append(first, {"a.py": source, "b.py": source})

    os.utime(source, (0, 0))
    source.chmod(0o600)
    append(second, {"b.py": source, "a.py": source})

    assert first.read_bytes() == second.read_bytes()


def test_every_file_can_be_read_by_the_user_that_lambda_runs_as(tmp_path):
    source = tmp_path / "a.py"
    source.write_text("a")
    source.chmod(0o600)
    append(tmp_path / "a.zip", {"a.py": source})

    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.getinfo("a.py").external_attr >> 16 == 0o100644


def test_a_function_over_lambdas_limit_with_its_layer_is_refused_with_what_to_do(tmp_path):
    (tmp_path / "half").write_bytes(b"x" * 50)
    package = Package("load", tmp_path / "load.zip", tmp_path / "load-layer.zip")
    for path in (package.function, package.layer):
        append(path, {"half": tmp_path / "half"})

    check_limit(package, limit=100)
    with pytest.raises(PackageError, match=r"unzips to 100 bytes.*limit is 99.*requirements/load\.in"):
        check_limit(package, limit=99)


@pytest.mark.parametrize(
    "name",
    [
        "boto3/session.py",
        "botocore-1.44.5.dist-info/METADATA",
        "pandas/tests/test_frame.py",
        "numpy/_core/include/numpy/arrayobject.h",
        "pyarrow/libarrow_flight.so.2500",
        "pyarrow/_substrait.cpython-311-x86_64-linux-gnu.so",
        "pyarrow/libarrow_python.so",
        "pyarrow/libarrow_python.so.2500.1.0",
        "setuptools/_vendor/zipp/__init__.py",
        "utils/__pycache__/log.cpython-311.pyc",
        "pg8000-1.31.6.dist-info/RECORD",
    ],
)
def test_what_the_runtime_has_or_no_run_needs_is_left_out(name):
    assert not is_needed(name)


@pytest.mark.parametrize(
    "name",
    [
        "pyarrow/libarrow_python.so.2500",
        "pyarrow/libarrow_substrait.so.2500",
        "pyarrow/lib.cpython-311-x86_64-linux-gnu.so",
        "pyarrow/_dataset.cpython-311-x86_64-linux-gnu.so",
        "pandas/testing.py",
        "numpy/_core/multiarray.py",
        "pg8000-1.31.6.dist-info/METADATA",
        "dateutil/tz/tz.py",
    ],
)
def test_what_a_run_imports_is_kept(name):
    assert is_needed(name)


def test_only_needed_files_are_taken_from_an_installation(repository):
    for name in ["site/bin/tool", "site/six.py", "site/pandas/tests/test_x.py"]:
        repository.write(name)

    assert set(installed_files(repository.root / "site")) == {"six.py"}
