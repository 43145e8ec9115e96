"""`make demo`: the main job on this machine, from an embedded PostgreSQL through the deployed stages and back."""

import sys
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console

from extraction.database.wiring import open_source
from local.aws import EmulatedAws, emulated_aws
from local.deployment import Deployment, Settings, deploy_warehouse
from local.packaging.build_target import here
from local.packaging.functions import STAGES
from local.packaging.packages import Build, build_packages
from local.postgres.embedded import EmbeddedPostgres, embedded_postgres
from local.reports import bar_table, comparison_table, report_table
from local.state_machine import follow, start_execution
from local.telling import Teller, run_demo
from local.totesys import generator
from local.warehouse.run import RunReport, report
from local.warehouse.verification import verify
from utils.errors import PipelineError
from utils.postgres.connection import Connection
from utils.postgres.url import parse_url
from utils.project import Project, read_project

PROJECT = "projects/totesys"
ROOT = Path(__file__).parents[2]
STAGE_STATES = {"Extract", "Transform", "Load"}  # of the state machine; the others only lead from one to the next
ORDERS = 11_187  # as many as totesys had in November 2024
MEMORY_MB = 1769  # what the functions get: one whole processor on AWS
STEPS = 7

SALES_BY_COUNTRY = """
    SELECT l.country, sum(f.units_sold)::bigint FROM current_fact_sales_order f
    JOIN dim_location l ON l.location_id = f.agreed_delivery_location_id
    GROUP BY 1 ORDER BY 2 DESC LIMIT 5
"""
PAYMENTS_BY_QUARTER = """
    SELECT d.year || ' Q' || d.quarter, count(*) FROM current_fact_payment f
    JOIN dim_date d ON d.date_id = f.payment_date WHERE f.paid GROUP BY 1 ORDER BY 1 DESC LIMIT 5
"""
MOST_EDITED = """
    SELECT 'order ' || sales_order_id, count(*) FROM fact_sales_order
    GROUP BY 1 HAVING count(*) > 1 ORDER BY 2 DESC, 1 LIMIT 3
"""


@dataclass(frozen=True)
class _Demo:
    teller: Teller
    project: Project
    postgres: EmbeddedPostgres
    aws: EmulatedAws
    deployment: Deployment

    def run(self, name: str) -> RunReport:
        """Execute the state machine once and return the three stages' counts."""
        arn = start_execution(self.aws, self.deployment.state_machine_arn, name)
        ended = follow(self.aws, arn, on_state=self._tell_stage)
        if ended.status != "SUCCEEDED":
            raise PipelineError(f"The execution ended {ended.status}: {ended.error} {ended.cause}")
        answers = [ended.output[stage] for stage in ("extraction", "transformation", "load")]
        return report(name, self.project, answers)

    def _tell_stage(self, state: str) -> None:
        if state in STAGE_STATES:
            self.teller.console.print(f"    -> {state}", style="cyan")

    def show_answers(self) -> None:
        """Ask the warehouse a few questions."""
        questions = (
            ("Units sold, by country of delivery", ("country", "units"), SALES_BY_COUNTRY),
            ("Payments made, by quarter", ("quarter", "payments"), PAYMENTS_BY_QUARTER),
            ("Orders with history: versions kept", ("order", "versions"), MOST_EDITED),
        )
        with open_source(parse_url(self.postgres.url("warehouse"))) as connection:
            for title, headings, query in questions:
                rows = [(str(name), int(value)) for name, value in connection.run(query)]
                self.teller.console.print(bar_table(title, headings, rows), "")


def main(orders: int = ORDERS) -> int:
    """Run the demo over that many sales orders and return the exit code."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 110)
    started = time.monotonic()
    try:
        equal = _run(Teller(console, STEPS), orders)
    except PipelineError as error:
        console.print(f"{type(error).__name__}: {error}", style="bold red", markup=False)
        return 1
    console.print(f"\nDone in {time.monotonic() - started:.0f} s. Nothing is left running.")
    return 0 if equal else 1


def _run(teller: Teller, orders: int) -> bool:
    with teller.telling("Building the three Lambda packages (kept in build/ for the next time)"):
        packages = build_packages(Build(here(), say=teller.say), STAGES)
    with embedded_postgres() as postgres, emulated_aws(on_log=teller.tell_log_line) as aws:
        with teller.telling(f"Seeding a totesys database: {orders:,} sales orders, set by set, in PostgreSQL"):
            _seed(postgres, orders)
        with teller.telling("Deploying to the emulated AWS: buckets, secrets, functions, state machine, alerts"):
            deployment = deploy_warehouse(aws, packages, _settings(postgres))
        demo = _Demo(teller, read_project(ROOT / PROJECT), postgres, aws, deployment)
        _run_twice(demo)
        demo.show_answers()
        return _verify(demo)


def _run_twice(demo: _Demo) -> None:
    console, source = demo.teller.console, partial(_connection, demo.postgres, "source")
    late = generator.late_commit(source)
    with demo.teller.telling("First run: everything but an order whose transaction commits late"), late as order:
        first = demo.run("demo-1")
    console.print(report_table(first, "First run"))
    with demo.teller.telling("A burst of edits, as totesys makes them: most leave last_updated alone"):
        _edit(demo.postgres, console)
        console.print(f"    and order {order.late_sales_order_id}, stamped before the first run, committed after it")
    with demo.teller.telling("Second run: only what changed, and what it joins to"):
        second = demo.run("demo-2")
    console.print(report_table(second, "Second run (late: changes that no cursor column would have found)"))


def _verify(demo: _Demo) -> bool:
    source, warehouse = (parse_url(demo.postgres.url(name)) for name in ("source", "warehouse"))
    with demo.teller.telling("Verifying: every model over the whole source, against the warehouse"):
        found = verify(demo.project, source, warehouse)
    demo.teller.console.print(comparison_table(found))
    equal = all(table.is_equal for table in found)
    rows = sum(table.rows for table in found)
    said = f"verify found no difference in {rows:,} rows." if equal else "verify found differences."
    demo.teller.console.print(said, style="bold green" if equal else "bold red")
    return equal


def _seed(postgres: EmbeddedPostgres, orders: int) -> None:
    with _connection(postgres, "postgres") as server:
        for database in ("source", "warehouse"):
            server.run(f"CREATE DATABASE {database}")
    with _connection(postgres, "source") as source:
        generator.create_schema(source)
        generator.seed(source, orders=orders)


def _edit(postgres: EmbeddedPostgres, console: Console) -> None:
    with _connection(postgres, "source") as source:
        done = generator.edit(source, seed=1)
    console.print(
        f"    {done.sales_orders_edited} sales and {done.purchase_orders_edited} purchase orders and "
        f"{done.designs_edited} designs edited in silence,\n    {done.payments_paid} payments paid at one instant, "
        f"{done.sales_orders_added} orders added, {done.departments_moved} department and {done.staff_moved} person "
        "moved"
    )


def _connection(postgres: EmbeddedPostgres, database: str) -> AbstractContextManager[Connection]:
    return open_source(parse_url(postgres.url(database)))


def _settings(postgres: EmbeddedPostgres) -> Settings:
    parts = urlsplit(postgres.url("source"))
    login = {
        "host": parts.hostname,
        "port": parts.port,
        "username": parts.username,
        "password": "demo",
        "sslmode": "disable",
    }
    return Settings(
        project=PROJECT,
        source={**login, "dbname": "source"},
        warehouse={**login, "dbname": "warehouse"},
        memory_mb=MEMORY_MB,
    )


if __name__ == "__main__":
    sys.exit(run_demo(main, sys.argv[1:], "ORDERS"))
