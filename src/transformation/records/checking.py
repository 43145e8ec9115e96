"""What can be wrong with a declared table before any file of it comes."""

from transformation.records.checks import build_checks
from transformation.records.json_columns import Layout
from utils.file_table import FileTable


def check_table(table: FileTable) -> None:
    """Raise ConfigurationError for rules or paths that no file could obey; it names file and column."""
    build_checks(table)
    Layout(table)
