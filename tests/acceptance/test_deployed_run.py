"""The deployed zips under the deployed state machine, from seeded totesys to a verified warehouse."""

from urllib.parse import urlsplit

import pytest

from extraction.database.wiring import open_source
from local.aws import emulated_aws
from local.deployment import Settings, deploy_warehouse, read_alerts
from local.packaging.build_target import here
from local.packaging.packages import ROOT, Build, build_packages
from local.state_machine import follow, start_execution
from local.totesys import generator
from local.warehouse.run import report
from local.warehouse.verification import verify
from utils.postgres.url import parse_url
from utils.project import read_project

PROJECT = "projects/totesys"
pytestmark = pytest.mark.timeout(300)


def login(url, **changes):
    parts = urlsplit(url)
    values = {"host": parts.hostname, "port": parts.port, "username": parts.username, "password": "any"}
    return {**values, "dbname": parts.path.strip("/"), "sslmode": "disable", **changes}


def execute(aws, deployment, name):
    return follow(aws, start_execution(aws, deployment.state_machine_arn, name), timeout=200)


@pytest.fixture(scope="module")
def packages():
    return build_packages(Build(here(), say=lambda _line: None))


@pytest.fixture
def source(make_database):
    url = make_database()
    with open_source(parse_url(url)) as session:
        generator.create_schema(session)
        generator.seed(session, orders=300)
    return url


def test_the_deployed_pipeline_lifts_totesys_and_then_its_edits(packages, source, make_database):
    warehouse = make_database()
    with emulated_aws(retry_scale=0.01) as aws:
        deployment = deploy_warehouse(aws, packages, Settings(PROJECT, login(source), login(warehouse), memory_mb=1769))
        first = execute(aws, deployment, "first")
        with open_source(parse_url(source)) as session:
            done = generator.edit(session, seed=1)
        second = execute(aws, deployment, "second")
        third = execute(aws, deployment, "third")

    project = read_project(ROOT / PROJECT)
    counts = report("second", project, [second.output[s] for s in ("extraction", "transformation", "load")]).tables
    assert [first.status, second.status, third.status] == ["SUCCEEDED"] * 3
    assert third.output["extraction"]["batch"] is None
    assert counts["sales_order"]["late"] == done.sales_orders_edited
    assert counts["dim_staff"]["loaded"] > done.staff_moved
    assert all(table.is_equal for table in verify(project, parse_url(source), parse_url(warehouse)))


def test_an_unreachable_source_is_retried_then_alerted_with_its_cause(packages, source, make_database):
    lines = []
    with emulated_aws(on_log=lambda _name, line: lines.append(line), retry_scale=0.0) as aws:
        settings = Settings(PROJECT, login(source, port=1), login(make_database()))
        deployment = deploy_warehouse(aws, packages, settings)
        ended = execute(aws, deployment, "away")
        alerts = read_alerts(aws, deployment)

    assert (ended.status, ended.error) == ("FAILED", "SourceUnavailableError")
    assert len([line for line in lines if '"level": "WARNING"' in line and "SourceUnavailableError" in line]) > 2
    assert "SourceUnavailableError" in alerts[0]["Message"]
    assert "127.0.0.1:1" in alerts[0]["Message"]


def test_an_error_that_no_retry_mends_fails_at_once_and_is_critical(packages, source, make_database):
    lines = []
    with open_source(parse_url(source)) as session:
        session.run("ALTER TABLE staff RENAME COLUMN email_address TO mail")
    with emulated_aws(on_log=lambda _name, line: lines.append(line)) as aws:
        settings = Settings(PROJECT, login(source), login(make_database()), memory_mb=1769)
        deployment = deploy_warehouse(aws, packages, settings)
        ended = execute(aws, deployment, "drift")
        alerts = read_alerts(aws, deployment)

    assert (ended.status, ended.error) == ("FAILED", "SchemaDriftError")
    assert len([line for line in lines if '"level": "CRITICAL"' in line]) == 1
    assert "staff.email_address" in alerts[0]["Message"]
