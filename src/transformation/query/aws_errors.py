"""What the services that the query asks may answer, in our words."""

from contextlib import AbstractContextManager

from utils import aws_errors
from utils.aws_errors import Fault
from utils.errors import AccessDeniedError, ConfigurationError, PipelineError, QueryError, ServiceUnavailableError

MISSING = {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}


def named_errors(service: str, what: str) -> AbstractContextManager[None]:
    """Raise the service's errors as ours."""
    return aws_errors.named_errors(service, ServiceUnavailableError, lambda fault: _named(fault, service, what))


def _named(fault: Fault, service: str, what: str) -> PipelineError:
    if fault.is_denied:
        return AccessDeniedError(f"{service} refused {what}: {fault.message}. Grant this role access to it.")
    if fault.code in MISSING:
        return ConfigurationError(f"There is no {what}. Create it, or correct the function's settings.")
    if fault.is_transient:
        return ServiceUnavailableError(f"{service} did not answer for {what}: {fault.code}: {fault.message}")
    return QueryError(f"{service} refused what it was asked of {what}: {fault.code}: {fault.message}")
