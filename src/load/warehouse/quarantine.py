"""Rows that wait for a person or for their parent, each with its reason."""

from dataclasses import dataclass

from load.warehouse.ports import Session
from load.warehouse.schema import Target
from load.warehouse.staging import staging_name
from utils.manifest import Reference
from utils.postgres.names import TableName, column_list, identifier, literal

STAGE = "pg_temp.stage_quarantine"
CREATE_STAGE = """
CREATE TEMPORARY TABLE stage_quarantine (model text, key jsonb, rule text, reason text, "row" jsonb) ON COMMIT DROP
"""
REGISTER = """
INSERT INTO starlift.quarantine (model, key, content, rule, reason, "row", batch, waiting)
SELECT model, key, md5(rule || reason || "row"::text), rule, reason, "row", :batch, rule = 'reference' FROM {rows}
ON CONFLICT (model, key, content) DO NOTHING
"""
SUPERSEDE = """
DELETE FROM starlift.quarantine q USING pg_temp.stage_quarantine s
WHERE q.model = s.model AND q.key = s.key AND q.content <> md5(s.rule || s.reason || s."row"::text)
"""


@dataclass(frozen=True)
class QuarantineCount:
    """How many rows one model's quarantine took in this batch, and how many it had not seen before."""

    rows: int
    new: int


@dataclass(frozen=True)
class Quarantine:
    """The quarantine of one warehouse table, within one batch's transaction."""

    session: Session
    target: Target
    batch: int

    @property
    def _model(self) -> str:
        return literal(self.target.table.name)

    @property
    def _stage(self) -> str:
        return staging_name(self.target.table.name)

    def _key(self, alias: str) -> str:
        return self._texts(self.target.table.key, alias)

    def _texts(self, names: tuple[str, ...], alias: str) -> str:
        keys = ", ".join(literal(name) for name in names)
        values = ", ".join(f"{alias}.{identifier(name)}::text" for name in names)
        return f"jsonb_object(ARRAY[{keys}]::text[], ARRAY[{values}]::text[])"

    def rejoin_waiting(self) -> int:
        """Put rows that wait for a parent back into staging, unless the batch brings a newer row of their key."""
        waiting = self.session.value(
            f"SELECT EXISTS (SELECT FROM starlift.quarantine WHERE model = {self._model} AND waiting)"
        )
        if not waiting:
            return 0
        types, columns = self.target.types, self.target.columns
        values = ", ".join(f'(q."row" ->> {literal(name)})::{types[name]}' for name in columns)
        self.session.run(
            f"INSERT INTO {self._stage} ({column_list(columns)}, _late) "
            f"SELECT {values}, false FROM starlift.quarantine q WHERE q.model = {self._model} AND q.waiting "
            f"AND NOT EXISTS (SELECT FROM {self._stage} s WHERE {self._key('s')} = q.key) "
            f"AND NOT EXISTS (SELECT FROM {STAGE} n WHERE n.model = q.model AND n.key = q.key)"
        )
        return self.session.row_count

    def set_aside_orphans(self) -> None:
        """Move staged rows whose parent is not in the warehouse into the batch's quarantine."""
        for reference in self.target.table.references:
            while self._set_aside_orphans_of(reference) and reference.table == self.target.table.name:
                pass  # a row of the same table may have been another one's parent

    def _set_aside_orphans_of(self, reference: Reference) -> int:
        parent = TableName(self.target.name.schema, reference.table).sql
        pairs = list(zip(reference.columns, reference.key, strict=True))
        same = " AND ".join(f"p.{identifier(key)} = s.{identifier(column)}" for column, key in pairs)
        given = " AND ".join(f"s.{identifier(column)} IS NOT NULL" for column in reference.columns)
        own = f" AND NOT EXISTS (SELECT FROM {self._stage} p WHERE {same})"
        missing = f"{given} AND NOT EXISTS (SELECT FROM {parent} p WHERE {same})"
        if reference.table == self.target.table.name:
            missing += own
        reason = f"{', '.join(reference.columns)}: no such row in {reference.table} yet"
        return self.set_aside(missing, "reference", reason)

    def set_aside_doubles(self) -> None:
        """Move staged rows that break a unique test into the batch's quarantine; the lowest key stays."""
        current = "t._current AND NOT t._deleted" if self.target.table.kind == "fact" else "NOT t._deleted"
        for columns in self.target.table.unique:
            same = " AND ".join(f"t.{identifier(name)} = s.{identifier(name)}" for name in columns)
            other = f"({self.target.same_key('t', 's')}) IS NOT TRUE"
            key, lower = column_list(self.target.table.key, "t"), column_list(self.target.table.key, "s")
            held = f"SELECT FROM {self.target.name.sql} t WHERE {current} AND {same} AND {other}"
            staged = f"SELECT FROM {self._stage} t WHERE {same} AND ({key}) < ({lower})"
            self.set_aside(f"EXISTS ({held}) OR EXISTS ({staged})", "unique", f"{', '.join(columns)} is not unique")

    def set_aside(self, condition: str, rule: str, reason: str) -> int:
        """Move the staged rows that fulfil a condition into the batch's quarantine and return their number."""
        row = self._texts(self.target.columns, "s")
        self.session.run(
            f"WITH bad AS (DELETE FROM {self._stage} s WHERE {condition} "
            f"RETURNING {self._key('s')} AS key, {row} AS texts) "
            f"INSERT INTO {STAGE} SELECT {self._model}, key, {literal(rule)}, {literal(reason)}, texts FROM bad"
        )
        return self.session.row_count

    def register(self) -> QuarantineCount:
        """Record what this batch sets aside, and forget what it brought right."""
        self._forget_loaded()
        rows = self.session.value(f"SELECT count(*) FROM {STAGE}")
        if not rows:
            return QuarantineCount(0, 0)
        self.session.run(SUPERSEDE)
        self.session.run(REGISTER.format(rows=STAGE), batch=self.batch)
        new = self.session.row_count
        self.session.run(f"TRUNCATE {STAGE}")
        return QuarantineCount(int(rows), new)

    def _forget_loaded(self) -> None:
        held = self.session.value(f"SELECT EXISTS (SELECT FROM starlift.quarantine WHERE model = {self._model})")
        if held and self.target.table.key:
            self.session.run(
                f"DELETE FROM starlift.quarantine q USING {self._stage} s "
                f"WHERE q.model = {self._model} AND q.key = {self._key('s')}"
            )
