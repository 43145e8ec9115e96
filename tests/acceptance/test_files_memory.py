"""A function of 256 MB loads a file of 200 MB, since neither the file nor its rows are ever in memory whole."""

import pytest

from tests.file_drops import Drop
from tests.files_function import csv_bytes, event, file_drop_function, whole_rows
from tests.range_server import range_server

HEADER = b"id,model,fuel\n"
ROW = b"12345," + b"m" * 2000 + b",5.0\n"  # wide: it is bytes that fill a memory, and rows that take time
BAD = b"x," + b"m" * 2000 + b",5.0\n"
TABLES = {
    "plain": '[columns]\nid = { type = "integer" }\nmodel = { type = "text" }\nfuel = { type = "numeric(4,1)" }\n',
    "checked": '[columns]\nid = { type = "integer", required = true }\nmodel = { type = "text" }\n'
    'fuel = { type = "numeric(4,1)", minimum = 0 }\n',
}
ABOUT = 200_000_000
pytestmark = pytest.mark.timeout(600)


@pytest.mark.parametrize(("table", "row"), [("plain", ROW), ("checked", ROW), ("checked", BAD)])
def test_a_function_of_256_mb_loads_a_file_of_200_mb(make_database, tmp_path, table, row):
    drop = Drop(make_database(), tmp_path).declare(readings=TABLES[table])
    size = whole_rows(HEADER, row, ABOUT)
    rows = (size - len(HEADER)) // len(row)

    with range_server(size, csv_bytes(HEADER, row)) as served:
        with file_drop_function(tmp_path, drop.url, served.address) as (function, lines):
            result = function.invoke(event("readings/big.csv", size))

    assert result.payload == {"batchItemFailures": []}, (result, lines)
    counts = [rows, 0, rows] if row is BAD else [rows, rows, 0]
    assert drop.ledger("rows_read, rows_copied, rows_rejected") == [counts]
