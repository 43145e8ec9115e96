"""What README.md and docs/models.md show works as it stands there: rights of roles, and headers of models."""

import os
import re
from pathlib import Path

import pytest

from tests.acceptance.command import refused
from tests.acceptance.small_shop import assert_equal, make_small_shop
from tests.conftest import run_on_server
from utils.model_file import read_model
from utils.postgres.url import parse_url

ROOT = Path(__file__).parents[2]
HEADER = '/*\nkind = "dimension"\nkey = "design_id"\ndriving = "design"\n{}*/\nSELECT design.design_id\n'


def shown(document, language, word):
    """Return the first example of a language that holds a word."""
    blocks = re.findall(rf"```{language}\n(.*?)```", (ROOT / document).read_text(), re.DOTALL)
    return next(block for block in blocks if word in block)


@pytest.fixture
def shop(tmp_path, make_database):
    return make_small_shop(tmp_path, make_database)


@pytest.fixture
def roles(shop, postgres_server):
    """Return the names of two roles without rights, by the names that README.md gives them."""
    names = {name: f"{name}_{os.getpid()}" for name in ("reader", "loader")}
    for name in names.values():
        run_on_server(postgres_server, f"CREATE ROLE {name} LOGIN")
    yield names
    for name in names.values():
        for where in ("source", "warehouse"):
            shop.ask(f"DROP OWNED BY {name} CASCADE", where)
        run_on_server(postgres_server, f"DROP ROLE {name}")


def granted(shop, roles):
    """Give the roles the rights that README.md names, and return the arguments that use them."""
    told = shown("README.md", "sql", "GRANT").replace("DATABASE warehouse", "DATABASE this")
    source, warehouse = told.split("-- in the warehouse", 1)
    changes = {"reader": roles["reader"], "loader": roles["loader"], "this": parse_url(shop.warehouse).database}
    for where, text in (("source", source), ("warehouse", "--" + warehouse)):
        shop.ask(re.sub(r"\b(reader|loader|this)\b", lambda found: changes[found.group()], text), where)
    names = {"source": roles["reader"], "warehouse": roles["loader"]}
    return {where: getattr(shop, where).replace("postgres@", f"{name}@") for where, name in names.items()}


def empty_warehouse(shop):
    shop.ask(
        "DROP SCHEMA public, starlift CASCADE; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO PUBLIC",
        "warehouse",
    )


def test_the_rights_that_are_told_are_enough_for_every_verb(shop, roles):
    empty_warehouse(shop)

    shop.succeed("check", "run", "verify", "status", **granted(shop, roles))

    assert_equal(shop)


def test_without_them_the_right_that_is_missing_is_named(shop, roles):
    empty_warehouse(shop)
    url = shop.warehouse.replace("postgres@", f"{roles['loader']}@")

    refused(shop.starlift("run", warehouse=url), "permission denied")


def test_the_lookups_references_and_tests_that_are_shown_can_be_read(tmp_path):
    path = tmp_path / "dim_design.sql"
    path.write_text(HEADER.format(shown("docs/models.md", "toml", "[lookups]")))

    model = read_model(path)

    assert [(lookup.table, lookup.file) for lookup in model.lookups] == [
        ("department", None),
        (None, "currency_names.csv"),
    ]
    assert [reference.columns for reference in model.references] == [("currency_id",), ("country", "region")]
    assert all((model.tests.not_null, model.tests.accepted, model.tests.range, model.tests.unique))
