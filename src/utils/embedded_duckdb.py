"""DuckDB inside this process: within its memory, spilling into a folder, and downloading nothing."""

from pathlib import Path

import duckdb


def connect(scratch: Path, memory_mb: int) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB of its own; its user closes it."""
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{memory_mb}MB",
        "temp_directory": str(scratch / "spill"),
        "threads": "2",
        "preserve_insertion_order": "false",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    connection = duckdb.connect(config=settings)
    connection.execute("SET enable_progress_bar = false")  # it would write among the reports on standard output
    connection.execute("SET TimeZone = 'UTC'")
    return connection
