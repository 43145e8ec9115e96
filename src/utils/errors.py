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


class ServiceUnavailableError(RetryableError):
    """An AWS service cannot be reached, or refused for the moment."""


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
    """A model's output holds the same key twice."""


class TooManyDeletesError(TerminalError):
    """More rows than allowed at once are no longer in the source; a person must confirm it."""


class RecordRefusedError(TerminalError):
    """The endpoint refused a record that was posted to it alone."""


class MessageRefusedError(TerminalError):
    """A message of the delivery queue is not of the form that the query writes."""


class FileRefusedError(TerminalError):
    """A dropped file cannot be read as what its name and its table's declaration say; none of its rows is loaded."""


class NotPlainError(TerminalError):
    """A CSV holds what COPY would read otherwise than meant; read it record by record instead."""


class ResourceExhaustedError(TerminalError):
    """Memory or disk ran short."""
