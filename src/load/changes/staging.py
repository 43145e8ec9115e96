"""Changes into staging tables, where their texts become values of the target's types."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from load.changes.records import Delivered
from load.changes.refusals import refusals_named
from load.changes.target import Target
from utils.changes import Operation, Values
from utils.postgres.names import identifier
from utils.postgres.session import Session

ANALYZE_ROWS = 1000  # below, the planner's guesses do no harm
BLOCK_ROWS = 1000  # one message to the server
SYSTEM = "place, series, version, sequence, deleted"


@dataclass(frozen=True)
class Staged:
    """Changes of one table that bring the same columns, where they are staged."""

    target: Target
    columns: tuple[str, ...]  # that the changes bring, the key's among them
    place: int

    @property
    def name(self) -> str:
        """The staging table's name for SQL."""
        return f"pg_temp.staging_{self.place}"

    @property
    def as_staged(self) -> dict[str, str]:
        """The staged columns by the target's: numbered, so that no name of a target's is in the way of ours."""
        names = [*self.columns, *([tenant] if (tenant := self.target.table.tenant_column) else [])]
        return {name: f"c{place}" for place, name in enumerate(names)}

    def value(self, column: str) -> str:
        """Return a target's column as it is staged, in SQL."""
        return f"s.{self.as_staged[column]}"


def create_staging(session: Session, staged: Staged) -> None:
    """Create the staging table with the target's types, and with what tells a change from others beside them."""
    columns = (f"t.{identifier(name)} AS {staged_name}" for name, staged_name in staged.as_staged.items())
    session.run(
        f"CREATE TEMP TABLE staging_{staged.place} ON COMMIT DROP AS SELECT NULL::integer AS place, "
        "NULL::integer AS series, NULL::bigint AS version, NULL::bigint AS sequence, NULL::boolean AS deleted, "
        f"{', '.join(columns)} FROM {staged.target.name} t WITH NO DATA"
    )


def copy_changes(session: Session, staged: Staged, changes: Sequence[tuple[Delivered, int]]) -> None:
    """Copy changes, each with the number of its series, into their staging table."""
    names = ", ".join(staged.as_staged.values())
    statement = f"COPY {staged.name} ({SYSTEM}, {names}) FROM STDIN (FORMAT csv)"
    with refusals_named(list(staged.as_staged)):
        session.copy_in(statement, _blocks(_line(staged, place, *pair) for place, pair in enumerate(changes)))
    if len(changes) > ANALYZE_ROWS:
        session.run(f"ANALYZE {staged.name}")


def _line(staged: Staged, place: int, delivered: Delivered, series: int) -> str:
    change = delivered.change
    is_deleted = change.op is Operation.DELETE
    row: Values = change.key if change.after is None else change.after
    system = f"{place},{series},{change.order},{change.sequence},{is_deleted}"
    tenant = [change.tenant] if delivered.table.tenant_column else []
    return ",".join([system, *map(_quoted, [*map(row.get, staged.columns), *tenant])])


def _quoted(value: str | None) -> str:
    """Return a value for COPY: NULL is what has no quotes, so that '' stays apart from it."""
    return "" if value is None else '"' + value.replace('"', '""') + '"'


def _blocks(lines: Iterable[str]) -> Iterator[bytes]:
    gathered: list[str] = []
    for line in lines:
        gathered.append(line)
        if len(gathered) == BLOCK_ROWS:
            yield _encoded(gathered)
            gathered.clear()
    yield _encoded(gathered)


def _encoded(lines: list[str]) -> bytes:
    """Return lines as bytes; half a character, which JSON can spell, is for the server to refuse."""
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass")
