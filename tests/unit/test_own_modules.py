import pytest

from local.packaging.own_modules import imports_of, own_modules


@pytest.fixture
def write(tmp_path):
    def written(**modules):
        for name, text in modules.items():
            path = tmp_path / f"{name.replace('__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return written


def test_imports_are_followed_through_our_own_modules_and_no_others(write):
    root = write(entry="import middle.one, json", middle__one="from last import NAME", last="NAME = 1", unused="")

    assert own_modules("entry", root) == {"entry", "middle.one", "last"}


def test_a_module_brings_its_packages_and_a_name_may_be_a_module(write):
    root = write(entry="from shared import log, VALUE", shared__log="", shared__other="")
    (root / "shared/__init__.py").write_text("import extra\nVALUE = 1")
    (root / "extra.py").write_text("")

    assert own_modules("entry", root) == {"entry", "shared", "shared.log", "extra"}


def test_an_import_inside_a_function_counts_and_one_for_types_does_not(write):
    root = write(
        entry="from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import types_only\nelse:\n    import runtime\n"
        "def late():\n    import lazy",
        types_only="",
        runtime="",
        lazy="",
    )

    assert own_modules("entry", root) == {"entry", "runtime", "lazy"}


def test_modules_that_import_each_other_are_found_once(write):
    assert own_modules("one", write(one="import two", two="import one")) == {"one", "two"}


def test_packages_of_others_are_named():
    assert {"json", "duckdb.typing"} <= imports_of(b"import json\nfrom duckdb import typing")
