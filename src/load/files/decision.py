"""What is to be done with a content of a key, given what of that key was loaded before."""

from dataclasses import dataclass

from load.files.ledger import Loaded, Outcome, is_older
from load.files.ports import DroppedFile
from utils.file_table import FileTable, Mode, NewContent


@dataclass(frozen=True)
class Plan:
    """Whether a file's rows are written, and how."""

    outcome: Outcome
    mode: Mode
    reason: str | None = None


def decide(dropped: DroppedFile, last: Loaded | None, table: FileTable, was_loaded: bool = False) -> Plan:
    """Return the plan for a file of which the ledger knows this last content of its key, and perhaps itself earlier."""
    if last is None:
        return Plan(Outcome.LOADED, table.mode)
    appends = table.new_content is NewContent.APPEND
    if last.is_content_of(dropped) or (appends and was_loaded):
        return Plan(Outcome.KNOWN, table.mode)
    if appends:  # whatever came first: contents stand beside each other, and none takes another's place
        return Plan(Outcome.LOADED, table.mode)
    if is_older(dropped.sequencer, last.sequencer):
        return Plan(Outcome.SUPERSEDED, table.mode, f"Version {last.version} of the key is newer, and loaded.")
    if table.new_content is NewContent.IGNORE:
        return Plan(Outcome.IGNORED, table.mode, f"Version {last.version} of the key was loaded, and the first stays.")
    return Plan(Outcome.LOADED, Mode.UPSERT if table.new_content is NewContent.UPSERT else table.mode)
