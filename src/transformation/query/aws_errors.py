"""What an AWS service answered, in our words."""

import contextlib
from collections.abc import Iterator

from botocore.exceptions import BotoCoreError, ClientError

from utils.errors import AccessDeniedError, ConfigurationError, PipelineError, QueryError, ServiceUnavailableError

TRANSIENT = {
    "InternalServerException",
    "InternalServerError",
    "InternalFailure",
    "InternalError",
    "RequestThrottled",
    "RequestTimeout",
    "ServiceUnavailable",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
DENIED = {
    "AccessDenied",
    "AccessDeniedException",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
}
MISSING = {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}


@contextlib.contextmanager
def named_errors(service: str, what: str) -> Iterator[None]:
    """Raise the service's errors as ours."""
    try:
        yield
    except ClientError as error:
        raise _named(error, service, what) from error
    except BotoCoreError as error:
        raise ServiceUnavailableError(f"{service} cannot be reached: {error}") from error


def _named(error: ClientError, service: str, what: str) -> PipelineError:
    code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in DENIED:
        return AccessDeniedError(f"{service} refused {what}: {message}. Grant this role access to it.")
    if code in MISSING:
        return ConfigurationError(f"There is no {what}. Create it, or correct the function's settings.")
    if code in TRANSIENT or status >= 500 or status == 429:
        return ServiceUnavailableError(f"{service} did not answer for {what}: {code}: {message}")
    return QueryError(f"{service} refused what it was asked of {what}: {code}: {message}")
