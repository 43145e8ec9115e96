import pytest

from utils.dead_letters import MAX_TOLD, attributes


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a\x00b\x1f", "a?b?"),
        ("half \ud800", "half ?"),
        ("\ufffe\uffff", "??"),
        ("tab\tline\n\r", "tab\tline\n\r"),
        ("ä \ud7ff\ue000\ufffd", "ä \ud7ff\ue000\ufffd"),
        ("\U0001f321", "\U0001f321"),
        ("x" * 2000, "x" * MAX_TOLD),
    ],
)
def test_what_is_told_beside_a_dead_letter_is_what_sqs_takes(text, told):
    assert attributes({"reason": text}) == {"reason": {"DataType": "String", "StringValue": told}}
