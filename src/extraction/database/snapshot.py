"""What one transaction sees of the source, and whether the last run's horizon still means anything there."""

from extraction.database.wal import Position, read_position
from utils.errors import ConfigurationError, ResyncNeededError, SourceBehindError
from utils.manifest import Snapshot
from utils.postgres.connection import Connection

OLDEST_VERSION = 130000  # pg_current_snapshot() came with PostgreSQL 13
WRAPAROUND = 2**31  # age() compares 32-bit transaction ids; past half the circle it would lie
HEARTBEAT = 100_000_000  # transactions without a batch after which one is written to move the horizon on

BEGIN = """
    BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
    SET LOCAL row_security = off;
    SET LOCAL TimeZone = 'UTC';
    SET LOCAL DateStyle = 'ISO, YMD';
    SET LOCAL IntervalStyle = 'postgres';
    SET LOCAL bytea_output = 'hex';
    SET LOCAL extra_float_digits = 3;
    SET LOCAL lc_monetary = 'C';
    SET LOCAL client_encoding = 'UTF8';
    SET LOCAL search_path = '';
    SET LOCAL synchronize_seqscans = off;
    SET LOCAL jit = off;
    SET LOCAL statement_timeout = 0;
    SET LOCAL lock_timeout = '60s';
    SET LOCAL idle_in_transaction_session_timeout = '15min';
"""
SNAPSHOT = """
    SELECT pg_catalog.pg_snapshot_xmin(s)::text AS horizon,
           pg_catalog.pg_snapshot_xmax(s)::text AS next_xid,
           pg_catalog.pg_is_in_recovery() AS in_recovery,
           pg_catalog.to_char(pg_catalog.clock_timestamp(), 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"') AS taken_at,
           (SELECT system_identifier::text FROM pg_catalog.pg_control_system()) AS system_identifier,
           (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()) AS database,
           greatest((SELECT timeline_id FROM pg_catalog.pg_control_checkpoint()),
                    (SELECT min_recovery_end_timeline FROM pg_catalog.pg_control_recovery()),
                    (SELECT received_tli FROM pg_catalog.pg_stat_get_wal_receiver())) AS timeline
    FROM pg_catalog.pg_current_snapshot() s
"""


def begin(connection: Connection) -> tuple[Snapshot, Position | None]:
    """Open the one transaction that every table is read in; return what it sees, and where a primary's log ended."""
    version = int(connection.value("SELECT pg_catalog.current_setting('server_version_num')"))
    if version < OLDEST_VERSION:
        raise ConfigurationError(
            f"The source is PostgreSQL {version // 10000}; Starlift needs 13 or newer, where a snapshot has a horizon. "
            "Upgrade it, or replicate it into a newer one and read that."
        )
    connection.execute_simple(BEGIN)
    row = connection.rows(SNAPSHOT)[0]
    position = read_position(connection)
    snapshot = Snapshot(
        horizon=int(row["horizon"]),
        next_xid=int(row["next_xid"]),
        system_identifier=row["system_identifier"],
        # The control file tells the last checkpoint's, which a promotion leaves behind for minutes.
        timeline=position.timeline if position else int(row["timeline"]),
        in_recovery=row["in_recovery"],
        database=int(row["database"]),
        taken_at=row["taken_at"],
    )
    return snapshot, position


def check_continuity(previous: Snapshot, now: Snapshot) -> None:
    """Refuse to read changes since a horizon that a restore, a promotion or a wraparound made meaningless."""
    same_server = previous.system_identifier == now.system_identifier
    if same_server and now.in_recovery and is_behind(previous, now):
        raise SourceBehindError(
            f"The source's horizon {now.horizon} on timeline {now.timeline} is behind the last batch's "
            f"{previous.horizon} on timeline {previous.timeline}: it is a replica that has not caught up. If it never "
            "will, because its primary was restored from a copy of its disk: run once with --resync.",
            horizon=now.horizon,
        )
    if previous.database != now.database and same_server:
        raise ResyncNeededError(
            f"The source is another database of the same server than at the last batch (oid {previous.database}, now "
            f"{now.database}). Correct the URL; if this is the source from now on, run once with --resync."
        )
    if not same_server or previous.timeline != now.timeline:
        raise ResyncNeededError(
            "The source is another server, or was restored or promoted since the last batch (system identifier "
            f"{previous.system_identifier} timeline {previous.timeline}, now {now.system_identifier} timeline "
            f"{now.timeline}). Changes since then cannot be told; run once with --resync."
        )
    if now.next_xid - previous.horizon >= WRAPAROUND:
        raise ResyncNeededError(
            f"The source ran {now.next_xid - previous.horizon:,} transactions since the last batch, more than can be "
            "told apart. Run once with --resync, then more often."
        )


def is_behind(previous: Snapshot, now: Snapshot) -> bool:
    """Tell whether a source has seen less than the last batch had, or what it has seen is an older timeline's."""
    if now.timeline != previous.timeline:
        return now.timeline < previous.timeline
    return now.horizon < previous.horizon or now.next_xid < previous.next_xid


def needs_heartbeat(previous: Snapshot, now: Snapshot) -> bool:
    """Tell whether a quiet source's horizon must be moved on, lest a busy cluster wrap around it."""
    return now.next_xid - previous.horizon >= HEARTBEAT and now.horizon > previous.horizon
