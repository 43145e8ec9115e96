import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from utils.aws_errors import Fault, named_errors
from utils.errors import ConfigurationError, ServiceUnavailableError


def named(error):
    with named_errors("The queue", ServiceUnavailableError, LookupError, key="a"):
        raise error


def test_who_is_not_logged_in_is_told_so_and_not_to_try_again():
    with pytest.raises(ConfigurationError, match=r"The queue cannot be reached: .* Log in to AWS"):
        named(NoCredentialsError())


def test_a_service_out_of_reach_is_retried_later():
    with pytest.raises(ServiceUnavailableError, match="The queue cannot be reached") as raised:
        named(EndpointConnectionError(endpoint_url="http://127.0.0.1:9"))

    assert raised.value.fields == {"key": "a"}


def test_what_a_service_answers_is_named_by_who_asked():
    answer = {"Error": {"Code": "Other", "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": 400}}

    with pytest.raises(LookupError) as raised:
        named(ClientError(answer, "SendMessage"))

    assert raised.value.args == (Fault("Other", "no", 400),)


@pytest.mark.parametrize(
    ("fault", "is_transient", "is_denied"),
    [
        (Fault("ThrottlingException", "", 400), True, False),
        (Fault("NeverHeardOf", "", 500), True, False),
        (Fault("NeverHeardOf", "", 429), True, False),
        (Fault("ExpiredTokenException", "", 400), False, True),
        (Fault("ValidationException", "", 400), False, False),
    ],
)
def test_a_fault_passes_or_is_a_denial_or_neither(fault, is_transient, is_denied):
    assert (fault.is_transient, fault.is_denied) == (is_transient, is_denied)
