"""Every error that the pipelines can name, split by the one question the state machine asks: try again?

A class's docstring is its default message. The state machine compares bare class names and knows no
inheritance, so the direct subclasses of `RetryableError` are exactly the names in its `Retry`.
"""


class PipelineError(Exception):
    """Something the pipeline knows how to name went wrong."""

    def __init__(self, message: str = "", **fields: object) -> None:
        super().__init__(message or type(self).__doc__)
        self.fields = fields


class RetryableError(PipelineError):
    """The same input may succeed later."""


class TerminalError(PipelineError):
    """The same input will fail again; a person must look."""


class SourceUnavailableError(RetryableError):
    """The source database cannot be reached, or dropped the connection."""


class SourceBehindError(RetryableError):
    """The source is a replica that has not caught up with the last run's snapshot."""


class WarehouseUnavailableError(RetryableError):
    """The warehouse cannot be reached, or dropped the connection."""


class WarehouseBusyError(RetryableError):
    """Another load holds the warehouse's lock."""


class ObjectStoreUnavailableError(RetryableError):
    """The object store cannot be reached, or refused for the moment."""


class ManifestConflictError(RetryableError):
    """Another run took this batch number first; start again from its manifest."""


class RegistryUnavailableError(RetryableError):
    """The registry of exports cannot be reached, or refused for the moment."""


class ServiceUnavailableError(RetryableError):
    """An AWS service cannot be reached, or refused for the moment."""


class LockHeldError(RetryableError):
    """Another execution holds the lock of this tenant's table, or waits with an earlier version."""


class LedgerUnavailableError(RetryableError):
    """The ledger of delivered records cannot be reached, or refused for the moment."""


class ConfigurationError(TerminalError):
    """The project or the environment asks for something that cannot be."""


class ModelError(TerminalError):
    """A model is wrong; the message names its file and line."""


class AccessDeniedError(TerminalError):
    """A database or store refused this role."""


class QueryError(TerminalError):
    """The database refused a statement."""


class SchemaDriftError(TerminalError):
    """A table no longer has what a model or the warehouse needs."""


class ResyncNeededError(TerminalError):
    """The source was restored or promoted, so the last horizon means nothing there; run once with --resync."""


class RowTooLargeError(TerminalError):
    """A row is larger than the set maximum."""


class ObjectMissingError(TerminalError):
    """An object that a manifest names is not in the store."""


class ObjectExistsError(TerminalError):
    """An object that must be new exists already."""


class IntegrityError(TerminalError):
    """What was read does not match what was written, or does not chain to the warehouse's ledger."""


class DuplicateKeyError(TerminalError):
    """A model's output or an export holds the same key twice."""


class TooManyDeletesError(TerminalError):
    """More rows than allowed at once are no longer in the source; a person must confirm it."""


class ObjectChangedError(TerminalError):
    """An object was overwritten since the event that told of it."""


class UnroutableError(TerminalError):
    """A dropped file belongs to no table, or a message names no file."""


class RecordRefusedError(TerminalError):
    """The endpoint refused a record that was posted to it alone."""


class MessageRefusedError(TerminalError):
    """A message of the delivery queue is not of the form that the query writes."""


class MessageExpiringError(TerminalError):
    """A message of the delivery queue has waited for so long that the queue would soon forget it."""


class FileRefusedError(TerminalError):
    """A dropped file cannot be read as what its name and its table's declaration say; none of its rows is loaded."""


class FileTooLargeError(FileRefusedError):
    """A dropped file cannot be loaded within the function's time; split it."""


class NotPlainError(TerminalError):
    """A CSV holds what COPY would read otherwise than meant; read it record by record instead."""


class ChangeRefusedError(TerminalError):
    """A change that its target cannot take."""


class ExportRefusedError(TerminalError):
    """An object of the exports bucket belongs to no declared table, or its version is not of the declared shape."""


class ExportChangedError(TerminalError):
    """A version that is registered came again with other content."""


class ExportOutdatedError(TerminalError):
    """An export is older than the last one that succeeded."""


class LockLostError(TerminalError):
    """Another execution took the lock over; this one must stop."""


class ResourceExhaustedError(TerminalError):
    """Memory or disk ran short."""
