"""Random histories of a small shop: transactions that overlap, runs that are killed, raced and repeated.

The oracle knows nothing of the pipeline: before each run it asks the source for what that run can see, in one
plain query a table. A fact's versions must then be exactly the distinct states that runs saw, in order.
"""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pg8000.exceptions import DatabaseError

from extraction.database import wiring as extraction_wiring
from tests.acceptance.shop import ask
from tests.fakes import Crash, Fuse
from tests.history_shop import HELD, LOST_RACES, TILED, Expected, Shop, SlowRun

SLOTS = 3

sales, clerks, teams, units = st.integers(1, 6), st.integers(1, 4), st.integers(1, 2), st.integers(0, 3)
TOUCH = st.sampled_from([", touched = clock_timestamp()", "", "", ", touched = '2001-01-01'"])
EDITS = st.one_of(
    st.builds("INSERT INTO sale VALUES ({}, {}, {}) ON CONFLICT DO NOTHING".format, sales, clerks, units),
    st.builds("UPDATE sale SET units = {}{} WHERE sale_id = {}".format, units, TOUCH, sales),
    st.builds("UPDATE sale SET clerk_id = {}{} WHERE sale_id = {}".format, clerks, TOUCH, sales),
    st.builds("UPDATE sale SET units = (units + {}) % 4{}".format, units, TOUCH),
    st.builds("DELETE FROM sale WHERE sale_id = {}".format, sales),
    st.builds("INSERT INTO clerk VALUES ({}, {}, 'new') ON CONFLICT DO NOTHING".format, clerks, teams),
    st.builds("UPDATE clerk SET name = 'n{}'{} WHERE clerk_id = {}".format, units, TOUCH, clerks),
    st.builds("UPDATE clerk SET team_id = {}{} WHERE clerk_id = {}".format, teams, TOUCH, clerks),
    st.builds("DELETE FROM clerk WHERE clerk_id = {}".format, clerks),
    st.builds("UPDATE team SET title = 't{}'{} WHERE team_id = {}".format, units, TOUCH, teams),
    st.builds("UPDATE team SET region_id = {}{} WHERE team_id = {}".format, teams, TOUCH, teams),
    st.builds("UPDATE region SET name = 'r{}'{} WHERE region_id = {}".format, units, TOUCH, teams),
)
BACK = "ROLLBACK TO SAVEPOINT s"
STEPS = st.one_of(EDITS, EDITS, EDITS, st.sampled_from(["SAVEPOINT s", BACK]))
ENDS = st.sampled_from(["COMMIT", "COMMIT", "COMMIT", "ROLLBACK", "PREPARE TRANSACTION", ""])


class Histories(RuleBasedStateMachine):
    """One history: whatever happens, what the runs saw is what the warehouse holds."""

    shop: Shop

    @initialize()
    def begin(self) -> None:
        self.stack = ExitStack()
        self.shop.begin()
        self.shop.tally.add("histories")
        self.sessions = [self._session() for _ in range(SLOTS)]
        self.open = [False] * SLOTS
        self.saved = [False] * SLOTS
        self.prepared: list[str] = []
        self.expected = Expected()
        self.slow: SlowRun | None = None
        self.last_run = "first"

    def _session(self):
        session = self.stack.enter_context(extraction_wiring.open_source(self.shop.source))
        session.run("SET lock_timeout = '20ms'")
        return session

    @rule(slot=st.integers(0, SLOTS - 1), steps=st.lists(STEPS, min_size=1, max_size=5), end=ENDS)
    def write(self, slot: int, steps: list[str], end: str) -> None:
        """Go on with the slot's transaction, or begin one; end it, prepare it, or leave it open."""
        self._transact(slot, steps, end)

    @rule(slots=st.permutations(range(SLOTS)), steps=st.lists(STEPS, min_size=SLOTS, max_size=3 * SLOTS), end=ENDS)
    def write_side_by_side(self, slots: list[int], steps: list[str], end: str) -> None:
        """Let several transactions take turns."""
        for place, step in enumerate(steps):
            self._transact(slots[place % SLOTS], [step], "")
        self._transact(slots[0], [], end)

    def _transact(self, slot: int, steps: list[str], end: str) -> None:
        if not self.open[slot]:
            self.sessions[slot].run("BEGIN")
            self.open[slot] = True
        for step in steps:
            self._write(slot, step)
        if end == "PREPARE TRANSACTION":
            self._prepare(slot)
        elif end:
            self._end(slot, end)

    def _write(self, slot: int, step: str) -> None:
        """Take one step; what meets another's lock ends the transaction, or goes back to its savepoint."""
        if not self.open[slot] or (step == BACK and not self.saved[slot]):
            return
        self.shop.tally.add("steps")
        try:
            self.sessions[slot].run(step)
            self.saved[slot] |= step == "SAVEPOINT s"
        except DatabaseError:
            self._end(slot, BACK if self.saved[slot] else "ROLLBACK")

    def _end(self, slot: int, how: str) -> None:
        if self.open[slot]:
            self.sessions[slot].run(how)
            self.open[slot] = self.saved[slot] = how == BACK

    def _prepare(self, slot: int) -> None:
        if self.open[slot]:
            name = f"p{uuid.uuid4().hex}"
            self._end(slot, f"PREPARE TRANSACTION '{name}'")
            self.prepared.append(name)
            self.shop.tally.add("prepared transactions")

    @precondition(lambda self: self.prepared)
    @rule(how=st.sampled_from(["COMMIT", "ROLLBACK"]))
    def end_prepared(self, how: str) -> None:
        ask(self.shop.source, f"{how} PREPARED '{self.prepared.pop(0)}'")

    def _watched(self, run: Callable[[], None]) -> bool:
        """Run, and note what was seen if that became a batch; return whether it did."""
        before, observation = self.shop.landing.newest(), self.shop.observe()
        with suppress(Crash, *LOST_RACES):
            run()
        is_batch = self.shop.landing.newest() > before
        if is_batch:
            self.expected.add(observation)
        return is_batch

    @rule(kind=st.sampled_from(["run", "run", "run", "killed", "retried", "raced"]), step=st.integers(1, 90))
    def run_somehow(self, kind: str, step: int) -> None:
        self.shop.tally.add(f"{kind} runs" if kind != "run" else "runs")
        {"run": self._run, "killed": lambda: self._kill(step), "retried": self._retry, "raced": self._run_twice}[kind]()

    def _run(self) -> None:
        self.last_run = uuid.uuid4().hex
        if not self._watched(lambda: self.shop.run(self.last_run)):
            assert self.shop.observe() == self.expected.last, "a quiet run overlooked a change"

    def _kill(self, step: int) -> None:
        self.last_run = uuid.uuid4().hex
        self._watched(lambda: self.shop.run(self.last_run, Fuse(blow_at=step)))

    def _retry(self) -> None:
        self._watched(lambda: self.shop.run(self.last_run))

    def _run_twice(self) -> None:
        self._watched(self._race)

    def _race(self) -> None:
        with ThreadPoolExecutor(2) as pool:
            failures = [run.exception(60) for run in [pool.submit(self.shop.run, uuid.uuid4().hex) for _ in range(2)]]
        for failure in failures:
            if failure and not isinstance(failure, LOST_RACES):
                raise failure

    @precondition(lambda self: self.slow is None)
    @rule()
    def start_slow_run(self) -> None:
        self.shop.tally.add("slow runs")
        self.slow = SlowRun(self.shop)

    @precondition(lambda self: self.slow is not None)
    @rule()
    def finish_slow_run(self) -> None:
        slow, self.slow = self.slow, None
        wins = self.shop.landing.newest() == slow.newest
        slow.finish()
        if wins and self.shop.landing.newest() > slow.newest:
            self.expected.add(slow.observation)

    @rule(back=st.integers(0, 3))
    def load_again(self, back: int) -> None:
        held = ask(self.shop.warehouse, "SELECT to_regclass('starlift.ledger') IS NOT NULL")[0][0]
        newest = ask(self.shop.warehouse, "SELECT coalesce(max(batch), 0) FROM starlift.ledger")[0][0] if held else 0
        if newest > back:
            self.shop.tally.add("repeated loads")
            assert self.shop.load_again(newest - back) is None

    @invariant()
    def no_key_is_current_twice(self) -> None:
        if getattr(self, "expected", None) and self.expected.versions and self._has("fact_sale"):
            twice = "SELECT sale_id FROM fact_sale WHERE _current GROUP BY 1 HAVING count(*) > 1"
            assert ask(self.shop.warehouse, twice) == []

    def _has(self, table: str) -> bool:
        return bool(ask(self.shop.warehouse, f"SELECT to_regclass('public.{table}') IS NOT NULL")[0][0])

    def teardown(self) -> None:
        """Let everything come to rest, run once more, and compare."""
        if not hasattr(self, "stack"):
            return
        try:
            if self.slow:
                self.finish_slow_run()
            for slot in range(SLOTS):
                self._end(slot, "COMMIT")
            for name in self.prepared:
                ask(self.shop.source, f"COMMIT PREPARED '{name}'")
            self.prepared = []
            self._run()
            self._compare()
        finally:
            self._abandon()

    def _abandon(self) -> None:
        self.stack.close()
        for name in self.prepared:
            ask(self.shop.source, f"ROLLBACK PREPARED '{name}'")

    def _compare(self) -> None:
        found: dict[tuple[str, int], list[tuple[object, ...] | None]] = {}
        for table, query in HELD.items():
            for key, *rest, deleted in ask(self.shop.warehouse, query):
                found.setdefault((table, key), []).append(None if deleted else tuple(rest))
        assert found == self.expected.versions
        ledger = [row[0] for row in ask(self.shop.warehouse, "SELECT batch FROM starlift.ledger ORDER BY 1")]
        assert ledger == list(range(1, self.shop.landing.newest() + 1))
        assert ask(self.shop.warehouse, "SELECT count(*) FROM starlift.quarantine") == [[0]]
        assert ask(self.shop.warehouse, TILED) == [[0]]
        current = ask(self.shop.warehouse, "SELECT clerk_id, name, title, region FROM dim_clerk WHERE NOT _deleted")
        assert {key: tuple(rest) for key, *rest in current} == self.expected.last["dim_clerk_history"]
