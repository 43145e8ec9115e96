import pytest

from utils import errors


def all_errors(kind=errors.PipelineError):
    for child in kind.__subclasses__():
        yield child
        yield from all_errors(child)


@pytest.mark.parametrize("kind", list(all_errors()), ids=lambda kind: kind.__name__)
def test_every_error_has_a_message_of_its_own_and_says_whether_to_retry(kind):
    assert str(kind()) == kind.__doc__
    assert kind.__name__.endswith("Error")
    branches = (errors.RetryableError, errors.TerminalError)
    assert sum(issubclass(kind, branch) for branch in branches) == 1


def test_fields_travel_with_the_error():
    error = errors.IntegrityError("what is wrong", key="a/b")

    assert (str(error), error.fields) == ("what is wrong", {"key": "a/b"})


def test_retryable_errors_are_leaves_because_the_state_machine_knows_no_inheritance():
    assert all(not kind.__subclasses__() for kind in errors.RetryableError.__subclasses__())
