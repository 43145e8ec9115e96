"""CloudWatch's filter patterns, as far as the metric filters here use them: one comparison of one JSON field."""

import json
import operator
import re
from typing import Any

PATTERN = re.compile(r"\{ \$\.(?P<field>\w+) (?P<compare>=|>=) (?P<value>\"[^\"]*\"|\d+) \}")
COMPARE = {"=": operator.eq, ">=": operator.ge}


def matches(pattern: str, line: str) -> bool:
    """Tell whether CloudWatch would count the line."""
    found = PATTERN.fullmatch(pattern)
    if not found:
        raise ValueError(f"{pattern} is a pattern that this knows nothing of")
    held, wanted = _field(line, found["field"]), json.loads(found["value"])
    same_kind = isinstance(held, str) == isinstance(wanted, str)
    return held is not None and same_kind and bool(COMPARE[found["compare"]](held, wanted))


def _field(line: str, name: str) -> Any:
    try:
        record = json.loads(line)
    except ValueError:  # a line of Lambda's own, such as REPORT
        return None
    return record.get(name) if isinstance(record, dict) else None
