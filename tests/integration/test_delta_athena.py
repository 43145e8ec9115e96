"""Exports compared in Athena: the same lines as DuckDB writes, taken up where an attempt stopped, cleared away."""

import datetime
import tempfile
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.athena_in_duckdb import UNLOAD, AthenaInDuckDB
from tests.delta_fakes import HeldLease, land, ports, received, task
from tests.exports import table
from tests.fakes import Crash, Fuse, FusedStore
from transformation.delta.pipeline import publish_delta
from transformation.delta.ports import Progress
from transformation.delta.remote import USABLE_SECONDS
from utils.deadline import no_deadline
from utils.errors import (
    ConfigurationError,
    DuplicateKeyError,
    ExportChangedError,
    ExportRefusedError,
    IntegrityError,
    LockLostError,
    QueryError,
    ServiceUnavailableError,
)
from utils.export_table import Format

SETTINGS = {"format": Format.PARQUET, "closed_by": "_SUCCESS"}
REMOTE, HERE = table(engine="athena", **SETTINGS), table(**SETTINGS)
SCHEMA = pyarrow.schema(
    {
        "id": pyarrow.string(),
        "Kind": pyarrow.int16(),
        "number": pyarrow.int64(),
        "price": pyarrow.decimal128(12, 3),
        "day": pyarrow.date32(),
        "flag": pyarrow.bool_(),
        "note": pyarrow.string(),
    }
)
ROWS = st.tuples(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
    st.none() | st.integers(-(2**15), 2**15 - 1),
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.decimals(-999_999, 999_999, places=3),
    st.none() | st.dates(),
    st.none() | st.booleans(),
    st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
)
EXPORTS = st.lists(ROWS, max_size=6, unique_by=lambda row: row[0])


def parquet(rows, schema=SCHEMA):
    values = zip(*rows, strict=True) if rows else [[] for _ in schema]
    sink = pyarrow.BufferOutputStream()
    columns = [pyarrow.array(list(column), field.type) for column, field in zip(values, schema, strict=True)]
    pyarrow.parquet.write_table(pyarrow.table(columns, schema=schema), sink)
    return sink.getvalue().to_pybytes()


def row(key, number=1):
    return (key, 1, number, Decimal("1.500"), datetime.date(2026, 11, 21), True, "")


def pair(folder, before, after, settings=REMOTE, **more):
    """Return ports with two versions of two files each."""
    made = ports(folder, settings, **{"athena": AthenaInDuckDB(), **more})
    for version, rows in (("v1", before), ("v2", after)):
        land(made, version, parquet(rows[::2]), "a.parquet")
        land(made, version, parquet(rows[1::2]), "b.parquet")
        land(made, version, b"", "_SUCCESS")
    return made


def run(made, deadline=no_deadline):
    return publish_delta(task("v2", 2, "v1", ["deletes"]), made, deadline)


@pytest.fixture
def made(tmp_path):
    return pair(tmp_path, [row("a"), row("b"), row("c")], [row("a"), row("b", 2), row("d")])


def altered(folder, column, kind, value):
    schema = pyarrow.schema({"id": pyarrow.string(), column: kind})
    made = ports(folder, REMOTE, athena=AthenaInDuckDB())
    land(made, "v1", parquet([("a", value)], schema), "a.parquet")
    return made


@settings(max_examples=15)
@given(before=st.none() | EXPORTS, after=EXPORTS)
def test_both_engines_write_the_same_lines(before, after):
    lines = []
    for engine in (REMOTE, HERE):
        with tempfile.TemporaryDirectory() as folder:
            made = pair(Path(folder), before or [], after, engine)
            previous = None if before is None else "v1"
            answer = publish_delta(task("v2", 2, previous, ["deletes"]), made, no_deadline)
            lines.append((answer, made.changes.read("acme/orders/000000000002/changes.jsonl")))

    assert lines[0] == lines[1]


def test_what_was_needed_only_to_compare_is_gone_afterwards(made):
    answer = run(made)

    assert [change.op.value for change in received(made)] == ["UPDATE", "DELETE", "INSERT"]
    assert answer == {"more": False, "counts": {**answer["counts"], "published": 3, "unchanged": 1}}
    assert made.athena.tables == {}
    assert [item.key[-13:] for item in made.changes.list("")] == ["changes.jsonl", "02/delta.json"]
    assert list(made.compared.list("")) == []


def test_a_query_that_is_not_ready_is_taken_up_by_the_next_attempt(made):
    made.athena.slow = 20

    first = run(made, lambda _longest: made.athena.asked < 10)
    begun = set(made.athena.started)
    second = run(made)

    assert (first, second["more"]) == ({"counts": {"published": 0}, "more": True}, False)
    assert set(made.athena.started) == begun
    assert len(received(made)) == 3


def test_queries_of_more_than_a_day_ago_are_asked_anew_for_what_they_wrote_may_be_gone(made):
    made.athena.slow = 20
    run(made, lambda _longest: made.athena.asked < 10)
    begun = set(made.athena.started)

    answer = run(replace(made, clock=lambda: time.time() + USABLE_SECONDS))

    assert begun == set(made.athena.stopped)
    assert made.athena.tables == {}
    assert answer["counts"]["published"] == len(received(made)) == 3


@pytest.mark.parametrize(("passing", "error"), [(False, QueryError), (True, ServiceUnavailableError)])
def test_a_failed_query_tells_athena_s_reason_and_the_next_attempt_asks_anew(made, passing, error):
    made.athena.fails = [Progress(done=True, failure="Bytes scanned limit was exceeded", passing=passing)]

    with pytest.raises(error, match="Bytes scanned limit was exceeded"):
        run(made)

    assert made.athena.tables == {}
    assert run(made)["counts"]["published"] == 3


def test_a_lost_lock_stops_the_queries_and_publishes_nothing(made, tmp_path):
    late = ports(tmp_path, REMOTE, athena=made.athena, lease=HeldLease(asked_at_most=2))

    with pytest.raises(LockLostError):
        run(late)

    assert set(made.athena.stopped) == set(made.athena.started) != set()
    assert made.athena.tables == {}
    assert late.stream.calls == []


def test_queries_that_a_late_owner_stopped_are_asked_anew(made, tmp_path):
    late = ports(tmp_path, REMOTE, athena=made.athena, lease=HeldLease(asked_at_most=2))
    with pytest.raises(LockLostError):
        run(late)

    with pytest.raises(ServiceUnavailableError, match="cancelled"):
        run(made)

    assert run(made)["counts"]["published"] == 3


class _Losing(AthenaInDuckDB):
    """Athena whose unloaded files do not all arrive."""

    def start(self, sql):
        query = super().start(sql)
        for path in Path(unload[2]).iterdir() if (unload := UNLOAD.fullmatch(sql)) else ():
            path.unlink()
        return query


def test_changes_that_do_not_lead_from_one_export_to_the_other_are_refused(tmp_path):
    made = pair(tmp_path, [row("a")], [row("a"), row("b")], athena=_Losing())

    with pytest.raises(IntegrityError, match=r"do not lead from 1 rows to 2: 0 inserted, 0 deleted"):
        run(made)


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ([row("a"), row("a")], DuplicateKeyError, r"the export of orders.*id=a \(2 rows\)"),
        ([(None, *row("a")[1:])], ExportRefusedError, "In the export of orders.*id=NULL"),
    ],
)
def test_bad_keys_stop_it_with_examples(tmp_path, rows, error, message):
    made = pair(tmp_path, [row("a")], rows)

    with pytest.raises(error, match=message):
        run(made)

    assert made.athena.tables == {}


@pytest.mark.parametrize("day", ["DATE '10000-01-01'", "DATE '0001-01-01' - 1", "'infinity'::DATE"])
def test_a_date_that_the_engines_write_differently_is_refused(tmp_path, day):
    made = altered(tmp_path, "day", pyarrow.date32(), datetime.date(2026, 11, 21))
    where = tmp_path / "exports/acme/orders/v1/a.parquet"
    duckdb.execute(f"COPY (SELECT 'a' AS id, {day} AS day) TO '{where}' (FORMAT parquet)")

    with pytest.raises(ExportRefusedError, match=r"years 1 to 9999.*: a"):
        publish_delta(task(), made, no_deadline)


@pytest.mark.parametrize(
    ("column", "kind", "value", "named"),
    [
        ("n", pyarrow.float64(), 1.5, r"n \(DOUBLE\)"),
        ("n", pyarrow.uint32(), 1, r"n \(UINTEGER\)"),
        ("n", pyarrow.decimal128(2, 2), Decimal("0.05"), r"n \(DECIMAL\(2,2\)\)"),
        ("n", pyarrow.timestamp("us"), datetime.datetime(2026, 1, 1), r"n \(TIMESTAMP\)"),  # noqa: DTZ001
        ("n", pyarrow.binary(), b"a", r"n \(BLOB\)"),
        ("n", pyarrow.list_(pyarrow.int32()), [1], r"n \(INTEGER\[\]\)"),
        ("two words", pyarrow.string(), "a", "'two words'"),
        ("ID", pyarrow.string(), "a", "differ only in case: ID_1"),
    ],
)
def test_what_athena_might_read_otherwise_is_refused_by_name(tmp_path, column, kind, value, named):
    made = altered(tmp_path, column, kind, value)

    with pytest.raises(ExportRefusedError, match=named):
        publish_delta(task(), made, no_deadline)


def test_a_function_without_athena_names_what_it_needs(tmp_path):
    with pytest.raises(ConfigurationError, match="ATHENA_DATABASE and ATHENA_WORKGROUP"):
        publish_delta(task(), ports(tmp_path, REMOTE), no_deadline)


def test_files_that_are_overwritten_while_athena_reads_are_refused(made):
    class Overwriting(AthenaInDuckDB):
        def start(self, sql):
            land(made, "v2", parquet([row("z")]), "a.parquet")
            return super().start(sql)

    with pytest.raises(ExportChangedError, match="v2 is no longer"):
        run(ports(made.scratch, REMOTE, athena=Overwriting()))


def test_files_of_one_version_with_different_types_are_refused(made):
    other = SCHEMA.set(2, pyarrow.field("number", pyarrow.int32()))
    land(made, "v2", parquet([row("z")], other), "b.parquet")

    with pytest.raises(ExportRefusedError, match="differ in number"):
        run(made)


@pytest.mark.parametrize("content", [b"", b"no parquet at all", b"\xff\xff\xff\x7fPAR1"])
def test_a_file_that_is_no_parquet_is_refused(made, content):
    land(made, "v2", content, "b.parquet")

    with pytest.raises(ExportRefusedError, match=r"b\.parquet is no whole Parquet file"):
        run(made)


class _FusedAthena(AthenaInDuckDB):
    def __init__(self, fuse):
        super().__init__()
        self.fuse = fuse

    def create_table(self, name, columns, location):
        self.fuse.burn()
        super().create_table(name, columns, location)
        self.fuse.burn()

    def drop_table(self, name):
        self.fuse.burn()
        super().drop_table(name)

    def start(self, sql):
        self.fuse.burn()
        query = super().start(sql)
        self.fuse.burn()
        return query


def _fused(folder, blow_at=None):
    fuse = Fuse(blow_at)
    stores = {name: FusedStore(folder / name, fuse) for name in ("changes", "compared")}
    return pair(folder, [row("a"), row("b")], [row("b", 2), row("c")], athena=_FusedAthena(fuse), **stores)


def test_the_next_attempt_is_whole_and_leaves_nothing_whatever_step_the_first_died_at(tmp_path):
    clean = _fused(tmp_path / "clean")
    run(clean)
    for step in range(1, clean.changes.fuse.steps + 1):
        made = _fused(tmp_path / str(step), step)
        with pytest.raises(Crash):
            run(made)
        made.changes.fuse.__init__()

        assert run(made)["counts"]["published"] == 3
        assert [change.op.value for change in received(made)] == ["DELETE", "UPDATE", "INSERT"]
        assert made.athena.tables == {}
