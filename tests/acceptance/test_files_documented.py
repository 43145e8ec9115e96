"""What docs/files.md shows works as it stands there: a project of one's own, and the rights of its role."""

import os
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from tests.conftest import run_on_server
from tests.file_drops import Drop
from utils.postgres.url import parse_url

DOCUMENT = (Path(__file__).parents[2] / "docs" / "files.md").read_text()
ORDERS = "order_id,Placed at,total,city\n1,2026-01-01,9.90, Lyon\n2,2026-01-02,-1,Lyon\n"


@pytest.fixture
def project(tmp_path):
    """Return the project that the document shows, with a file to drop."""
    for name, text in re.findall(r"```toml\n# projects/(\S+)\n(.*?)```", DOCUMENT, re.DOTALL):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders" / "monday.csv").write_text(ORDERS)
    return tmp_path / "mine"


@pytest.fixture
def loader(make_database, postgres_server, tmp_path):
    """Return the database as a role sees it that has the documented rights and no more."""
    drop, name = Drop(make_database(), tmp_path), f"loader_{os.getpid()}"
    run_on_server(postgres_server, f"CREATE ROLE {name} LOGIN")
    database = parse_url(drop.url).database
    for grant in re.search(r"```sql\n(.*?)```", DOCUMENT, re.DOTALL)[1].strip().splitlines():
        drop.ask(grant.replace("warehouse", database).replace("loader", name))
    yield Drop(drop.url.replace("postgres@", f"{name}@"), tmp_path)
    drop.ask(f"DROP OWNED BY {name} CASCADE")
    run_on_server(postgres_server, f"DROP ROLE {name}")


def test_the_documented_table_takes_a_file_with_the_documented_rights(project, loader):
    where = ["--project", project, "--target", loader.url, "--quarantine", loader.quarantine.root]
    arguments = [*where, project.parent / "orders" / "monday.csv"]

    checked = CliRunner().invoke(app, ["check", "--project", str(project)])
    loaded = CliRunner().invoke(app, ["files", "load", *map(str, arguments)])

    assert (checked.exit_code, loaded.exit_code) == (0, 0), loaded.output
    assert loader.rows("orders", "order_id, city") == [[1, "Lyon"]]
    assert [row["column"] for row in loader.rejected()] == ["total"]
