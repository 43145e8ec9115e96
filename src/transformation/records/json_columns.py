"""JSON records as columns of their table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from transformation.records.batch import Batch, Values, malformed
from transformation.records.json_paths import PathError, read_path, value_getter
from transformation.records.json_text import Number, Value, to_json, to_text
from transformation.records.types import Family, read_type
from utils.errors import ConfigurationError
from utils.file_table import FileTable
from utils.records import Rejected

PLAIN = frozenset((str, Number, type(None)))  # values that are texts already


@dataclass
class Records:
    """Decoded records, where each begins, and how each stands in the file."""

    values: list[Value]
    numbers: list[int]
    raws: list[str]
    malformed: list[Rejected]


class Layout:
    """How records become columns."""

    def __init__(self, table: FileTable) -> None:
        paths = [read_path(c, f"files/{table.folder}.toml: column {c.name!r}") for c in table.columns]
        kinds = {type(path[0]) for path in paths}
        if len(kinds) > 1:
            raise ConfigurationError(f"files/{table.folder}.toml: a record is an object or an array, paths say both.")
        self.shape: type = list if kinds == {int} else dict
        self._names = table.column_names
        self._known = frozenset(path[0] for path in paths) | frozenset(table.ignored)
        self._getters = [value_getter(path) for path in paths]
        self._to_texts = [to_json if read_type(c.type).family is Family.JSON else to_text for c in table.columns]

    def batch(self, records: Records) -> Batch:
        """Return the records that have the table's shape, and the others as malformed."""
        self._reject(records, self._wrong_shape if self.shape is list else self._wrong_object)
        try:
            columns = self._columns(records)
        except (PathError, RecursionError):
            self._reject(records, self._wrong_inside)
            columns = self._columns(records)
        return Batch(columns, records.numbers, records.raws, records.malformed)

    def _columns(self, records: Records) -> list[Values]:
        return [
            _texts(list(map(get, records.values)), write)
            for get, write in zip(self._getters, self._to_texts, strict=True)
        ]

    def _wrong_shape(self, value: Value) -> str:
        words = "an array" if self.shape is list else "an object"
        return "" if isinstance(value, self.shape) else f"is not {words}"

    def _wrong_object(self, value: Value) -> str:
        if not isinstance(value, dict):
            return self._wrong_shape(value)
        if self._known.issuperset(value):
            return ""
        unknown = ", ".join(repr(name) for name in value if name not in self._known)
        return f"has what the table does not know: {unknown}; declare it, or name it in ignore"

    def _wrong_inside(self, value: Value) -> str:
        for name, get, write in zip(self._names, self._getters, self._to_texts, strict=True):
            try:
                write(get(value))
            except PathError as error:
                return f"{name}: the value {error}"
            except RecursionError:
                return f"{name} is nested too deeply"
        return ""

    def _reject(self, records: Records, reason_against: Callable[[Value], str]) -> None:
        reasons = list(map(reason_against, records.values))
        if not any(reasons):
            return
        kept = Records([], [], [], records.malformed)
        for value, number, raw, reason in zip(records.values, records.numbers, records.raws, reasons, strict=True):
            if reason:
                kept.malformed.append(malformed(number, reason, raw))
                continue
            kept.values.append(value)
            kept.numbers.append(number)
            kept.raws.append(raw)
        records.values, records.numbers, records.raws = kept.values, kept.numbers, kept.raws


def _texts(values: Sequence[Value], write: Callable[[Value], str | None]) -> Values:
    if write is to_text and PLAIN.issuperset(map(type, values)):
        return list(values)
    return list(map(write, values))
