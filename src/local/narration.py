"""Log lines told as sentences, for a person who watches a run."""

from collections.abc import Callable, Mapping
from typing import Any

Fields = Mapping[str, Any]


def narrate(message: str, fields: Fields) -> str | None:
    """Return the sentence for a stage's log line, None for a line that only machines need."""
    tell = SENTENCES.get(message)
    is_shadow = str(fields.get("table", "")).startswith("_")  # of a rebuild, which tells its own story
    return tell(fields) if tell and not is_shadow else None


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, of which the plural takes an s."""
    return f"{number:,} {noun if number == 1 else noun + 's'}"


def _rows(fields: Fields, verb: str, noun: str = "row") -> str:
    seconds = float(fields.get("duration_ms", 0)) / 1000
    time = f" in {seconds:.1f} s" if seconds >= 0.05 else ""
    number, _, unit = counted(int(fields.get("row_count", 0)), noun).partition(" ")
    return f"  {verb:<12}{fields.get('table', ''):<24}{number:>12} {unit}{time}"


def _extracted(fields: Fields) -> str:
    role = fields.get("role", "changed")
    if role == "keys":
        return _rows(fields, "compared", "key")
    return _rows(fields, "extracted" if role == "changed" else "joined")


def _changed_models(fields: Fields) -> str:
    models = [str(model) for model in fields.get("models", ())]
    command = " ".join(f"--rebuild {model}" for model in models)
    return (
        f"{', '.join(models)}: the model changed after its table was built, and so far applies to "
        f"rows as they change. To apply it to all: starlift run {command}"
    )


def _megabytes(fields: Fields) -> str:
    return f"{int(fields.get('bytes', 0)) >> 20:>12,}"


def _batch(fields: Fields, verb: str) -> str:
    return f"batch {fields.get('batch', '?')} {verb}"


def _held_back(fields: Fields) -> str:
    age, limit = float(fields.get("horizon_age_seconds", 0)), int(fields.get("max_seconds", 0))
    return (
        f"ALERT: a transaction of the source has been open for {age:,.0f} s or more (limit {limit:,} s). "
        "Nothing is lost, but every run reads again what was written since. "
        "Find it in pg_stat_activity or pg_prepared_xacts."
    )


def _set_aside(fields: Fields) -> str:
    counts = ", ".join(f"{model}: {rows:,}" for model, rows in fields.get("tables", {}).items())
    return f"ALERT: new rows in quarantine, {counts}. To see why: starlift quarantine list"


def _bad_rows(fields: Fields) -> str:
    """Tell of a file's bad rows, and where they are."""
    rows = counted(int(fields.get("rejected", 0)), "bad row")
    return f"  {rows} of {fields.get('key', '')} set aside in {fields.get('quarantine', '')}"


def _file_loaded(fields: Fields) -> str:
    return _rows({**fields, "table": fields.get("key", "")}, "loaded")


def _not_needed(fields: Fields) -> str:
    outcome = fields.get("outcome", "")
    return f"  {fields.get('key', '')} is {NOT_NEEDED.get(outcome, outcome)}, so nothing is loaded"


def _refused_export(fields: Fields) -> str:
    return f"ALERT: {fields.get('key', '')} was refused: {fields.get('error', '')}"


def _refused_change(fields: Fields) -> str:
    change = fields.get("change") or f"record {fields.get('record', '')}"
    return f"ALERT: {change}: {fields.get('error', '')}"


def _version(fields: Fields) -> str:
    return "/".join(str(fields.get(name, "")) for name in ("tenant", "table", "version"))


def _changes(fields: Fields) -> str:
    counts = fields.get("counts", {})
    return ", ".join(f"{counts[name]:,} {name}" for name in ("inserted", "updated", "deleted") if name in counts)


def _applied(fields: Fields) -> str:
    tables = ", ".join(map(str, fields.get("tables", {}))) or "no table"
    return f"  {counted(int(fields.get('records', 0)), 'record')} for {tables}"


def _posted(fields: Fields) -> str:
    status = int(fields.get("status", 0))
    answer = f"answered {status}" if status else f"did not answer ({fields.get('reason', '')})"
    return f"  posted      the endpoint {answer}, attempt {fields.get('attempt', 1)}"


def _delivered(fields: Fields) -> str:
    left = int(fields.get("messages_left", 0))
    more = f"; {counted(left, 'message')} left for later" if left else ""
    return (
        f"  delivered   {counted(int(fields.get('delivered', 0)), 'record')}, {fields.get('refused', 0)} refused{more}"
    )


def _queued(fields: Fields) -> str:
    records, messages = (int(fields.get(name, 0)) for name in ("records", "messages"))
    return f"  queued      {counted(records, 'record')} in {counted(messages, 'message')}"


def _given_up(fields: Fields) -> str:
    return (
        f"ALERT: {fields.get('error_type', '')}: {fields.get('error', '')} "
        "The file waits among the dead letters: starlift dlq list"
    )


NOT_NEEDED = {"known": "loaded already", "superseded": "older than what was loaded", "ignored": "new content to ignore"}
SENTENCES: dict[str, Callable[[Fields], str]] = {
    "table extracting": lambda fields: (
        f"  {'extracting':<12}{fields.get('table', ''):<24}{_megabytes(fields)} MB so far"
    ),
    "table extracted": _extracted,
    "export read": lambda fields: _rows({**fields, "table": fields.get("export", "")}, "read"),
    "exports compared": lambda fields: _rows({**fields, "table": ""}, "compared", "change"),
    "batch extracted": lambda fields: _batch(fields, "extracted"),
    "horizon held back": _held_back,
    "new rows in quarantine": _set_aside,
    "model changed without rebuild": _changed_models,
    "batch rebuilt": lambda fields: _rows(fields, "rebuilt") + f" of batch {fields.get('batch')}",
    "rebuilt from the source": lambda fields: (
        f"{fields.get('model')}: no landed batches hold what the model reads, so it was read from the source as it "
        "is now; earlier versions are lost"
    ),
    "rebuilt from a later batch": lambda fields: (
        f"{fields.get('model')}: its history begins with batch {fields.get('batch')}; older batches do not hold what "
        "the model reads"
    ),
    "batch does not fit the model": lambda fields: f"batch {fields.get('batch')} does not fit: {fields.get('reason')}",
    "nothing changed": lambda _fields: "nothing changed since the last batch",
    "model built": lambda fields: _rows(fields, "transformed"),
    "batch transformed": lambda fields: _batch(fields, "transformed"),
    "table loaded": lambda fields: _rows(fields, "loaded"),
    "batch loaded": lambda fields: _batch(fields, "loaded"),
    "file loaded": _file_loaded,
    "file not needed": _not_needed,
    "rows rejected": _bad_rows,
    "message put aside": _given_up,
    "changes applied so far": lambda fields: _rows(fields, "applied", "change"),
    "export arrived": lambda fields: f"  arrived     {fields.get('key', '')}",
    "export refused": _refused_export,
    "export registered": lambda fields: f"  {fields.get('outcome', ''):<12}{_version(fields)}",
    "changes computed": lambda fields: f"  compared    {_version(fields)}: {_changes(fields)}",
    "export succeeded": lambda fields: f"  succeeded   {_version(fields)}: {_changes(fields)}",
    "export failed": lambda fields: f"{_version(fields)} failed: {fields.get('cause', '')}",
    "changes applied": _applied,
    "change refused": _refused_change,
    "query succeeded": lambda fields: (
        f"  selected    by Athena, {int(fields.get('bytes_scanned') or 0) >> 10:,} KB read"
    ),
    "records queued": _queued,
    "batch posted": _posted,
    "messages delivered": _delivered,
    "rest left for later": lambda fields: f"  stopped     {fields.get('reason', '')}",
    "record refused": lambda fields: (
        f"ALERT: record {fields.get('first_id', '')} was refused with {fields.get('status', '')}"
    ),
}
