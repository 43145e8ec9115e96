"""Whether the last horizon still means anything: restored, promoted, lagging and rewound sources."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.extraction_harness import SALE, SCHEMA, STAFF, Extraction, forget, make_project, pretend
from utils.errors import ResyncNeededError


@pytest.fixture
def extraction(make_database, tmp_path: Path) -> Iterator[Extraction]:
    project = make_project(tmp_path / "project", {"dim_staff": STAFF, "fact_sale": SALE})
    found = Extraction(make_database(), project, tmp_path / "store")
    found.edit(SCHEMA)
    yield found
    found.close()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"system_identifier": "1"}, "another server"),
        ({"timeline": 7}, "restored or promoted"),
        ({"horizon": -(2**31)}, "more than can be told apart"),
    ],
)
def test_a_source_whose_history_broke_needs_a_resync(extraction, changes, words):
    extraction.run()
    pretend(extraction, **changes)

    with pytest.raises(ResyncNeededError, match=f"{words}.*--resync"):
        extraction.run()
    assert extraction.run(resync=True).base == 3


@pytest.mark.parametrize("ahead", [{"horizon": 2**40}, {"next_xid": 2**40}])
def test_a_primary_behind_the_last_run_needs_a_resync_even_once_it_caught_up(extraction, ahead):
    truth = extraction.run().snapshot
    pretend(extraction, **ahead)

    with pytest.raises(ResyncNeededError, match=r"behind batch 2 and is no replica.*--resync"):
        extraction.run()
    forget(extraction, truth)
    with pytest.raises(ResyncNeededError, match="even once it has caught up"):
        extraction.run()
    assert extraction.run(resync=True).base == 3
    assert extraction.run() is None


def test_a_run_refused_for_another_reason_leaves_no_mark(extraction):
    snapshot = extraction.run().snapshot
    pretend(extraction, timeline=7)
    with pytest.raises(ResyncNeededError):
        extraction.run()

    forget(extraction, snapshot)

    assert extraction.run() is None


def test_a_source_that_does_not_tell_where_its_log_ends_is_read_all_the_same(extraction):
    extraction.user = "position_blind"
    extraction.edit(
        "DO $$ BEGIN CREATE ROLE position_blind LOGIN; EXCEPTION WHEN duplicate_object THEN END $$",
        "GRANT SELECT ON department, staff, sale TO position_blind",
        "REVOKE EXECUTE ON FUNCTION pg_catalog.pg_walfile_name(pg_lsn) FROM PUBLIC",
    )

    batch = extraction.run()

    assert extraction.ids(batch, "sale") == [100, 101, 200, 300]
    assert batch.snapshot.timeline == 1
    assert extraction.run() is None
