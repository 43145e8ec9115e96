"""How each kind of table keeps its rows, and the columns that Starlift adds to the model's."""

from dataclasses import replace

from utils.manifest import WarehouseTable

BATCH, CURRENT, DELETED = "_batch", "_current", "_deleted"
HISTORY = "history"  # the kind of the table that keeps a dimension's versions beside it
IS_CURRENT, VALID_FROM, VALID_TO = "is_current", "valid_from", "valid_to"  # for people, so named as people expect
SYSTEM = {
    BATCH: f"{BATCH} bigint NOT NULL",
    CURRENT: f"{CURRENT} boolean NOT NULL",
    IS_CURRENT: f"{IS_CURRENT} boolean NOT NULL",
    DELETED: f"{DELETED} boolean NOT NULL DEFAULT false",
    VALID_FROM: f"{VALID_FROM} timestamptz NOT NULL",
    VALID_TO: f"{VALID_TO} timestamptz NOT NULL",
}
LAYOUTS = {
    "fact": (BATCH, CURRENT, DELETED),
    HISTORY: (VALID_FROM, VALID_TO, IS_CURRENT, BATCH, DELETED),
    "dimension": (BATCH, DELETED),
    "replace": (BATCH,),
}


def layout(table: WarehouseTable) -> str:
    """Return how the table keeps rows: versions, the latest rows, or a whole replaced at a time."""
    if table.load == "replace":
        return "replace"
    return table.kind if table.kind in {"fact", HISTORY} else "dimension"


def history_name(dimension: str) -> str:
    """Return the name of the table that keeps a dimension's versions."""
    return f"{dimension}_{HISTORY}"


def history_of(table: WarehouseTable) -> WarehouseTable:
    """Return the table that keeps a dimension's versions beside it, which stays one row a key."""
    name = history_name(table.name)
    return replace(table, name=name, kind=HISTORY, record_id=f"{HISTORY}_record_id", references=(), unique=())


def system_columns(table: WarehouseTable) -> tuple[str, ...]:
    """Return the columns that Starlift adds after the model's."""
    return LAYOUTS[layout(table)]
