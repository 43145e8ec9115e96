"""A target compared with the last export that succeeded, and mended."""

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from cli.main import app
from extraction.exports import pipeline as exports
from extraction.exports.ports import Request
from local.exports.resync import parse_series
from tests.changes_factories import ORDERS, deleted, written
from tests.exports_source import HEADER, Source
from utils.errors import (
    ChangeRefusedError,
    ConfigurationError,
    ExportChangedError,
    IntegrityError,
    LockHeldError,
    TooManyDeletesError,
    WarehouseBusyError,
)
from utils.export_table import Deletes, ExportVersion
from utils.folder_store import FolderStore
from utils.registry.claim import Lease


@pytest.fixture
def source(target):
    source = Source(target)
    source.succeed("v1")
    return source


def figures(compared):
    found = compared.difference
    return found.missing, found.different, found.extra


def test_a_target_that_lost_changes_is_mended_to_the_export(source):
    source.place.apply(written("1"), written("2", sequence=2, item="wrong"), written("9", sequence=3))

    compared = source.series.mend(accepts_deletes=True)

    assert figures(compared) == (1, 1, 1)
    assert [row[:2] for row in source.place.rows()] == [[1, "pen"], [2, ""], [3, None]]
    assert source.series.compare().difference.is_none


def test_comparing_changes_nothing(source):
    source.place.apply(written("9"))

    assert figures(source.series.compare()) == (3, 0, 1)
    assert source.place.names() == [9]


def test_rows_that_are_equal_are_not_touched(source):
    source.place.apply(written("1"))
    before = source.place.ask("SELECT ctid::text FROM orders WHERE id = 1")

    source.series.mend(accepts_deletes=True)

    assert source.place.ask("SELECT ctid::text FROM orders WHERE id = 1") == before


def test_changes_up_to_the_mended_version_do_nothing_any_more_and_later_ones_apply(source):
    source.series.mend(accepts_deletes=True)

    source.place.apply(deleted("1"), written("8"), written("2", item="old"))
    source.place.apply(deleted("3", 2))

    assert [row[:2] for row in source.place.rows()] == [[1, "pen"], [2, ""]]


def test_a_resync_forgets_the_positions_that_its_version_covers(source):
    source.place.apply(written("1"), deleted("5", sequence=2))

    source.series.mend(accepts_deletes=True)

    assert source.place.ask("SELECT count(*) FROM starlift.applied_changes") == [[0]]
    assert source.place.ask("SELECT floor FROM starlift.applied_series") == [[1]]


def test_too_many_rows_that_the_export_lacks_are_left_until_a_person_accepts(source):
    source.place.apply(*(written(str(key), sequence=key) for key in range(1, 31)))

    with pytest.raises(TooManyDeletesError, match="27 of 30"):
        source.series.mend(accepts_deletes=False)

    assert len(source.place.names()) == 30


def test_marked_rows_count_as_gone_and_are_marked_or_brought_back(source):
    source.place.ask("ALTER TABLE orders ADD deleted_at timestamptz")
    marking = Source(source.place.with_table(deletes=Deletes.MARK))
    marking.place.apply(written("1"), written("9", sequence=2))
    source.place.ask("UPDATE orders SET deleted_at = now() WHERE id = 1")

    assert figures(marking.series.mend(accepts_deletes=True)) == (2, 1, 1)

    assert marking.place.ask("SELECT id FROM orders WHERE deleted_at IS NULL ORDER BY 1") == [[1], [2], [3]]
    assert marking.series.compare().difference.is_none


def test_other_tenants_rows_are_left_alone(bare_target):
    place = bare_target.with_table(tenant_column="tenant")
    place.ask("CREATE TABLE orders (tenant text, id integer, item text, amount numeric, PRIMARY KEY (tenant, id))")
    source = Source(place)
    source.succeed("v1")
    place.apply(replace(written("7"), tenant="other"), written("8"))

    source.series.mend(accepts_deletes=True)

    assert place.ask("SELECT tenant, id FROM orders ORDER BY 1, 2") == [
        ["acme", 1], ["acme", 2], ["acme", 3], ["other", 7],
    ]  # fmt: skip


def test_values_are_compared_as_the_targets_types_have_them(source):
    source.place.ask("ALTER TABLE orders ADD seen timestamptz, ADD more json")
    text = 'id,item,amount,seen,more\n1,pen,1.5,2024-05-01T10:00:00+02:00,"{""a"":1}"\n'
    source.succeed("v2", text)
    change = written("1", 2, amount="1.50", seen="2024-05-01 08:00:00+00", more='{"a":1}')
    source.place.apply(change)

    assert source.series.compare().difference.is_none


def test_an_export_that_the_target_refuses_leaves_it_as_it_was(source):
    source.succeed("v2", HEADER + "1,pen,many\n")
    source.place.apply(written("9"))

    with pytest.raises(ChangeRefusedError, match="column amount"):
        source.series.mend(accepts_deletes=True)

    assert source.place.names() == [9]


def test_a_key_that_the_target_calls_equal_twice_is_refused(source):
    source.succeed("v2", HEADER + "1,pen,1\n01,ink,1\n")

    with pytest.raises(ChangeRefusedError):
        source.series.mend(accepts_deletes=True)


def test_an_execution_at_work_is_not_overtaken(source):
    source.claim("v2")

    with pytest.raises(LockHeldError, match="execution-v2"):
        source.series.mend(accepts_deletes=True)


def test_a_version_that_stopped_while_it_was_published_goes_first(source):
    claim = source.claim("v2")
    Lease(source.registry, claim).begin()
    exports.fail(Request(ExportVersion("acme", "orders", "v2"), claim.execution), "broke", source.ports)

    with pytest.raises(ConfigurationError, match="v2 stopped"):
        source.series.mend(accepts_deletes=True)


def test_changes_that_the_registry_does_not_know_stop_a_resync(source):
    source.place.apply(written("1", 7))

    with pytest.raises(IntegrityError, match="up to order 7"):
        source.series.mend(accepts_deletes=True)


def test_a_floor_that_the_registry_does_not_know_stops_a_resync(source):
    source.series.mend(accepts_deletes=True)
    source.place.ask("UPDATE starlift.applied_series SET floor = 7 RETURNING floor")

    with pytest.raises(IntegrityError, match="up to order 7"):
        source.series.mend(accepts_deletes=True)


def test_an_export_whose_files_were_replaced_is_not_trusted(source):
    source.store.put("acme/orders/v1/orders.csv", HEADER.encode())

    with pytest.raises(ExportChangedError, match="no longer what was registered"):
        source.series.compare()


class OverwrittenMeanwhile(FolderStore):
    """A store of which a file is overwritten before it is fetched."""

    def fetch(self, key, folder):
        self.put(key, HEADER.encode())
        return super().fetch(key, folder)


def test_an_export_that_is_replaced_while_it_is_fetched_is_not_trusted(source):
    series = replace(source.series, exports=OverwrittenMeanwhile(source.store.root))

    with pytest.raises(ExportChangedError, match="no longer what was registered"):
        series.mend(accepts_deletes=True)


def test_the_lock_is_released_after_success_and_after_failure(source):
    source.series.mend(accepts_deletes=True)
    assert source.registry.head("acme/orders").owner is None

    source.place.ask("DROP TABLE orders")
    with pytest.raises(Exception, match="is not there"):
        source.series.mend(accepts_deletes=True)
    assert source.registry.head("acme/orders").owner is None


def test_deliveries_wait_while_a_resync_is_at_work(source):
    source.place.apply(written("1"))
    (series,) = source.place.ask("SELECT series FROM starlift.applied_series")[0]

    with source.place.ports() as resyncing:
        resyncing.target.run("BEGIN")
        resyncing.target.run(f"SELECT pg_advisory_xact_lock(hashtextextended('starlift changes {series}', 0))")
        with pytest.raises(WarehouseBusyError):
            source.place.apply(written("2", 2), lock_seconds=0.1)


def resync_command(source, *options):
    place = source.place
    (place.folder / "exports").mkdir(exist_ok=True)
    (place.folder / "exports/orders.toml").write_text('key = ["id"]\n')
    named = {"--project": place.folder, "--warehouse": place.url, "--exports": source.store.root}
    named["--registry"] = place.folder / "registry.sqlite"
    arguments = [str(part) for pair in named.items() for part in pair]
    return CliRunner().invoke(app, ["exports", "resync", "acme/orders", *arguments, *options])


def test_the_command_shows_differences_and_changes_nothing_unless_somebody_says_yes(source):
    found = resync_command(source)

    assert found.exit_code == 1
    assert "3 missing, 0 different, 0 not in the export." in found.output
    assert source.place.names() == []


def test_the_command_mends_and_tells_what_was_mended(source):
    found = resync_command(source, "--yes", "--json")

    assert (found.exit_code, source.place.names()) == (0, [1, 2, 3])
    assert json.loads(found.stdout) == {
        "version": "v1", "rows": 3, "missing": 3, "different": 0, "extra": 0, "live": 0,
    }  # fmt: skip


def test_a_table_that_is_not_declared_is_answered_with_those_that_are():
    with pytest.raises(ConfigurationError, match="declares: orders"):
        parse_series("acme/order", {"orders": ORDERS})
