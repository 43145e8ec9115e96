"""Random histories of one table's exports: versions that arrive, executions that break, repeat, sleep and wake up.

A small delta stands in for the real one: it asks for the lock, sends one change and notes it, each in a step of its
own, so that it may sleep or die between any two. The target takes changes as the real one does, by order and
sequence. After each version that succeeds it must hold exactly that version.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from hypothesis import note
from hypothesis import strategies as st

from extraction.exports import pipeline
from extraction.exports.ports import Ports, Request
from tests.export_factories import World
from utils.errors import IntegrityError, LockHeldError, LockLostError, PipelineError
from utils.registry.claim import LEASE_SECONDS, SKEW_SECONDS, Claim, Lease
from utils.registry.records import Entry, Head, Status

Rows = dict[str, str]
VERSIONS = [f"v{number}" for number in range(1, 7)]
LAST = "v9"
ROUNDS = 100  # minutes; a lease ends after 31, and what waited behind it has as long again
PAUSES = (1, 60, 600, 901, LEASE_SECONDS + SKEW_SECONDS + 1)  # seconds: up to beyond a turn, and beyond a lease
TURNS = st.integers(0, 5)
STARTS = st.tuples(
    st.just("start"),
    st.sampled_from(VERSIONS),
    st.dictionaries(st.sampled_from("xyz"), st.sampled_from("ab")),
    st.sampled_from([False, False, True]),
)
STEPS = st.tuples(st.just("step"), TURNS, st.sampled_from(["works", "works", "works", "is repeated", "breaks"]))
NAPS = st.tuples(st.sampled_from(["sleep", "wake", "die"]), TURNS)
WAITS = st.tuples(st.just("wait"), st.sampled_from(PAUSES))
EVENTS = st.one_of(STARTS, STEPS, STEPS, STEPS, STEPS, STEPS, NAPS, WAITS)
HISTORIES = st.lists(EVENTS, min_size=20, max_size=80)


@dataclass
class Execution:
    """One execution, and the step that it does next."""

    request: Request
    does: str = "register"
    claim: Claim | None = None
    sent: int = 0
    sleeps: bool = False

    def __str__(self) -> str:
        return f"{self.request.execution} of {self.request.version.version}"


@dataclass
class MemoryRegistry:
    """Keeps the contract of a registry's store, without a disk to wait for."""

    kept: dict[str, Head] = field(default_factory=dict)
    known: dict[tuple[str, str], Entry] = field(default_factory=dict)

    def head(self, series: str) -> Head:
        return self.kept.get(series, Head(series))

    def entry(self, series: str, version: str) -> Entry | None:
        return self.known.get((series, version))

    def write(self, head: Head, entries: Iterable[Entry]) -> bool:
        if head.revision != self.head(head.series).revision:
            return False
        self.kept[head.series] = replace(head, revision=head.revision + 1)
        self.known |= {(entry.series, entry.version): entry for entry in entries}
        return True


@dataclass
class History:
    """What happened to one series so far."""

    world: World
    registry: MemoryRegistry = field(default_factory=MemoryRegistry)
    exports: dict[str, Rows] = field(default_factory=dict)
    target: Rows = field(default_factory=dict)
    positions: dict[str, tuple[int, int]] = field(default_factory=dict)
    orders: dict[int, tuple[str, str | None]] = field(default_factory=dict)
    executions: list[Execution] = field(default_factory=list)

    def play(self, events: list[tuple]) -> None:
        """Let everything happen, then come to rest: nobody waits for ever, and a last version gets in."""
        for name, *words in events:
            getattr(self, name)(*words)
        self._rest()
        for execution in self.executions:
            execution.sleeps = False
        self._rest()
        self.start(LAST, {"x": "z"}, replay=False)
        self._rest()
        assert self.target == {"x": "z"}, "the last version did not get in"

    def _rest(self) -> None:
        """Let time pass until whoever is awake has ended; a crashed owner's lease ends on the way."""
        for _ in range(ROUNDS):
            self.wait(60)
            for turn in range(len(self._awake())):
                self.step(turn, "works")
            if not self._awake():
                return
        raise AssertionError("somebody waits for ever")

    def start(self, version: str, rows: Rows, replay: bool) -> None:
        """Start an execution; a version's first one comes with its rows."""
        if version not in self.exports:
            self.exports[version] = rows
            self.world.write(version, f"id\n{sorted(rows.items())}\n")
        name = f"run-{len(self.executions)}"
        self.executions.append(Execution(self.world.request(version, name, replay=replay)))

    def wait(self, seconds: int) -> None:
        """Let time pass."""
        self.world.clock.now += seconds

    def sleep(self, turn: int) -> None:
        """Let an execution pause, however long."""
        for execution in _one_of(self._awake(), turn):
            execution.sleeps = True

    def wake(self, turn: int) -> None:
        """Let an execution go on that paused."""
        for execution in _one_of([each for each in self.executions if each.sleeps], turn):
            execution.sleeps = False

    def die(self, turn: int) -> None:
        """End an execution that cannot say so any more."""
        for execution in _one_of(self._awake(), turn):
            note(f"{execution} dies")
            execution.does = "end"

    def step(self, turn: int, how: str) -> None:
        """Let an execution do its next step; one that is repeated is one whose first answer got lost."""
        for execution in _one_of(self._awake(), turn):
            if execution.does != "acquire":  # which waits, again and again
                note(f"{execution}: {execution.does} {how}")
            try:
                self._do(execution, how)
            except LockHeldError:
                continue
            except PipelineError as error:
                note(f"{execution}: {error}")
                pipeline.fail_version(execution.request, str(error), self.ports)
                execution.does = "end"

    @property
    def ports(self) -> Ports:
        return replace(self.world.ports, registry=self.registry)

    def _awake(self) -> list[Execution]:
        return [each for each in self.executions if not each.sleeps and each.does != "end"]

    def _do(self, execution: Execution, how: str) -> None:
        if how == "breaks":
            raise IntegrityError("it breaks")
        for _ in range(2 if how == "is repeated" else 1):
            does = getattr(self, f"_{execution.does}")(execution)
        execution.does = does

    def _register(self, execution: Execution) -> str:
        outcome = pipeline.register_version(execution.request, self.ports)["outcome"]
        return "acquire" if outcome == Status.REGISTERED else "end"

    def _acquire(self, execution: Execution) -> str:
        answer = pipeline.acquire_lock(execution.request, self.ports)
        if answer["outcome"] != pipeline.CLAIMED:
            return "end"
        claim = execution.claim = Claim.from_message(answer)
        note(f"{execution}: claims {claim.version} after {claim.previous}, order {claim.order}, fence {claim.fence}")
        compared = (claim.version, claim.previous)
        assert self.orders.setdefault(claim.order, compared) == compared, "an order has two meanings"
        return "ask"

    def _ask(self, execution: Execution) -> str:
        lease = self._lease(execution)
        if not lease.still_owner():
            raise LockLostError
        changes = self._changes(execution.claim)
        if not changes:
            return "finish"
        lease.begin()
        execution.sent = lease.published()
        return "send" if execution.sent < len(changes) else "finish"

    def _send(self, execution: Execution) -> str:
        key, value = self._changes(execution.claim)[execution.sent]
        position = (execution.claim.order, execution.sent + 1)
        if self.positions.get(key, (0, 0)) < position:
            self.positions[key] = position
            self.target = {other: row for other, row in self.target.items() if other != key}
            self.target |= {key: value} if value else {}
        return "note"

    def _note(self, execution: Execution) -> str:
        self._lease(execution).save_published(execution.sent + 1)
        return "ask"

    def _finish(self, execution: Execution) -> str:
        more = pipeline.finish_version(execution.request, execution.claim, {}, self.ports)["more"]
        succeeded = self.registry.head(execution.request.version.series).succeeded
        assert self.target == self.exports[succeeded], f"the target is not {succeeded}"
        return "acquire" if more else "end"

    def _lease(self, execution: Execution) -> Lease:
        return Lease(self.registry, execution.claim, self.world.clock)

    def _changes(self, claim: Claim) -> list[tuple[str, str | None]]:
        before, after = self.exports.get(claim.previous, {}), self.exports[claim.version]
        return [(key, after.get(key)) for key in sorted({*before, *after}) if before.get(key) != after.get(key)]


def _one_of(executions: list[Execution], turn: int) -> list[Execution]:
    return [executions[turn % len(executions)]] if executions else []
