import os
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from local import packages
from local.package_contents import append, installed_files, is_needed
from local.packages import PackageError, build_packages, check_limit


@dataclass
class Repository:
    """A repository in small, whose packages are written down and not downloaded."""

    root: Path
    installed: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def write(self, name, content="x"):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    def install(self, stage, folder):
        self.installed.append(stage)
        (folder / "thing").mkdir()
        (folder / "thing/__init__.py").write_text("")

    def build(self):
        self.said.clear()
        return build_packages(folder=self.root / "build", say=self.said.append)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    made = Repository(tmp_path)
    for stage in packages.STAGES:
        made.write(f"src/{stage}/handler.py", stage)
        made.write(f"requirements/{stage}.txt", "thing==1")
    for name in ["src/utils/log.py", "src/local/demo.py", "projects/totesys/pipeline.toml"]:
        made.write(name)
    monkeypatch.setattr(packages, "ROOT", tmp_path)
    monkeypatch.setattr(packages, "_install", made.install)
    return made


def names(package):
    with zipfile.ZipFile(package) as archive:
        return set(archive.namelist())


def test_a_package_holds_its_stage_what_the_stages_share_the_projects_and_its_packages(repository):
    zips = repository.build()

    shared = {"utils/log.py", "projects/totesys/pipeline.toml", "thing/__init__.py"}
    assert {stage: names(zips[stage]) for stage in zips} == {
        stage: {f"{stage}/handler.py", *shared} for stage in ["extraction", "transformation", "load"]
    }


def test_unchanged_inputs_are_not_built_again(repository):
    repository.build()

    repository.build()

    assert len(repository.installed) == 3
    assert all("unchanged" in line for line in repository.said)


def test_a_changed_source_builds_its_stage_anew_with_the_packages_it_had(repository):
    repository.build()

    repository.write("src/load/handler.py", "changed")
    zips = repository.build()

    assert [line.split()[1] for line in repository.said] == ["unchanged", "unchanged", "built"]
    assert len(repository.installed) == 3
    with zipfile.ZipFile(zips["load"]) as archive:
        assert archive.read("load/handler.py") == b"changed"


def test_a_changed_lock_installs_the_stages_packages_again(repository):
    repository.build()

    repository.write("requirements/load.txt", "thing==2")
    repository.build()

    assert repository.installed == ["extraction", "transformation", "load", "load"]


def test_a_damaged_zip_is_built_again(repository):
    repository.build()["load"].write_bytes(b"PK")

    assert "load/handler.py" in names(repository.build()["load"])


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


def test_a_package_over_lambdas_limit_is_refused_with_what_to_do(tmp_path):
    source = tmp_path / "large"
    source.write_bytes(b"x" * 101)
    append(tmp_path / "load.zip", {"large": source})

    check_limit(tmp_path / "load.zip", limit=101)
    with pytest.raises(PackageError, match=r"unzips to 101 bytes; Lambda's limit is 100.*requirements/load\.in"):
        check_limit(tmp_path / "load.zip", limit=100)


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
