import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.records_harness import file_column, file_table, read, rejected_of, rows_of
from transformation.records.checking import check_table
from transformation.records.checks import build_checks
from utils.errors import ConfigurationError

MOMENT, NUMBER = "timestamptz", "numeric(5,1)"


@pytest.mark.parametrize(
    ("column", "good", "bad"),
    [
        (file_column("x", "integer"), ["7", "-2147483648", " 7 ", "0x1F", "007"], ["", "7.0", "x", "2147483648"]),
        (file_column("x", "smallint"), ["-32768"], ["32768", "-32769", "9" * 5000]),
        (file_column("x", NUMBER), ["9999.9", "1e3", "NaN", "-.5"], ["x", "1e4", "-10000", "Infinity", "sNaN", "1,5"]),
        (file_column("x", "double precision"), ["1e999", "-Infinity", "nan"], ["1.2.3", "--1"]),
        (file_column("x", "boolean"), ["t", "TRUE", " off", "1", "yes"], ["2", "", "maybe", "o"]),
        (file_column("x", "date"), ["2024-02-29", "29 Feb 2024", "infinity"], ["2023-02-29", "soon", ""]),
        (
            file_column("x", MOMENT),
            ["2026-11-01T10:00:00.5Z", "2026-11-01 24:00:00 Europe/London", "now"],
            ["2026-13-01 10:00", "never"],
        ),
        (
            file_column("x", "uuid"),
            ["A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "{a0eebc999c0b4ef8bb6d6bb9bd380a11}"],
            ["a0eebc99", "g0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", ""],
        ),
        (file_column("x", "jsonb"), ["{}", " [1] ", '"a"', "9" * 5000], ["{", "", "'a'"]),
        (file_column("x", "varchar(3)"), ["abc", "é€x", "abc   "], ["abcd"]),
        (file_column("x", "interval"), ["whatever PostgreSQL says of it"], []),
        (file_column("x", "integer[]"), ["{1,2}"], []),
    ],
    ids=lambda value: value.type if hasattr(value, "type") else "",
)
def test_a_value_that_is_none_of_its_type_is_rejected(column, good, bad):
    assert verdicts(column, good) == [None] * len(good)
    assert verdicts(column, bad) == ["type"] * len(bad)


@pytest.mark.parametrize(
    ("column", "good", "rule", "bad"),
    [
        (file_column("x", "integer", minimum="0"), ["0", "7"], "minimum", ["-1"]),
        (
            file_column("x", NUMBER, maximum="100"),
            ["100", "100.0"],
            "maximum",
            ["100.1", "100.0001", "NaN"],
        ),
        (file_column("x", NUMBER, minimum="0.1"), ["0.1", "NaN"], "minimum", ["0.0999999999999999999999"]),
        (file_column("x", "bigint", maximum="9007199254740992"), ["9007199254740992"], "maximum", ["9007199254740993"]),
        (
            file_column("x", MOMENT, minimum="2026-01-01"),
            ["2026-01-01", "2025-12-31T23:00:00-02:00"],
            "minimum",
            ["2025-12-31 23:59", "2026-01-01T00:00+01:00", "1 Jan 2027"],
        ),
        (file_column("x", allowed=("a", "b")), ["a", "b"], "allowed", ["c", "", "A"]),
        (file_column("x", pattern="[a-z]+"), ["abc"], "pattern", ["abc1", "abc\n", ""]),
        (file_column("x", max_length=2), ["", "ab", "é€"], "max_length", ["abc"]),
        (file_column("x", required=True), ["", "a"], "required", [None]),
    ],
)
def test_a_value_that_breaks_a_rule_is_rejected_by_its_name(column, good, rule, bad):
    assert verdicts(column, good) == [None] * len(good)
    assert verdicts(column, bad) == [rule] * len(bad)


def verdicts(column, values):
    """Return the rule that each value breaks, alone and among others."""
    (check,) = build_checks(file_table(column))
    alone = [check.faults([value]) for value in values]
    together = check.faults(values * 200)
    rules = [fault[0].rule if fault else None for fault in alone]
    assert [together[at].rule if at in together else None for at in range(len(values) * 200)] == rules * 200
    return rules


@given(
    st.lists(st.one_of(st.none(), st.sampled_from(["1", "x", "-1", "1e9", "NaN", "0", "99.99", "100"])), max_size=300)
)
def test_many_values_are_judged_as_each_is_alone(values):
    column = file_column("x", "numeric(4,1)", minimum="0", maximum="99.99", required=True)
    (check,) = build_checks(file_table(column))

    assert check.faults(values) == {at: one[0] for at, value in enumerate(values) if (one := check.faults([value]))}


def test_a_record_that_breaks_several_rules_names_the_first_column():
    table = file_table(file_column("a", "integer"), file_column("b", required=True))

    (rejected,) = read(table, "a,b\nx,\n").rejected

    assert (rejected.line, rejected.column, rejected.rule, rejected.raw) == (2, "a", "type", "x,")
    assert rejected.reason == "a is no integer"


def test_a_trimmed_value_of_which_nothing_is_left_is_null_and_takes_the_default():
    table = file_table(file_column("a", trim=True), file_column("b", trim=True, default="none"))

    assert rows_of(table, 'a,b\n x ,y\n"  ",\n') == [("x", "y"), (None, "none")]


def test_a_default_satisfies_required():
    assert rows_of(file_table(file_column("a", required=True, default="0"), "b"), "a,b\n,1\n") == [("0", "1")]


@pytest.mark.parametrize(
    ("column", "says"),
    [
        (file_column("x", "text", minimum="0"), "minimum needs a column of numbers"),
        (file_column("x", "integer", maximum="ten"), "maximum is 'ten'"),
        (file_column("x", "integer", default="ten"), "default is 'ten'"),
        (file_column("x", path="a["), "path is 'a\\['"),
    ],
)
def test_rules_that_no_value_can_obey_are_named_before_any_file_comes(column, says):
    with pytest.raises(ConfigurationError, match=rf"files/reading\.toml: column 'x'.*{says}"):
        check_table(file_table(column))


def test_a_pattern_is_not_tried_on_a_text_that_is_too_long_already():
    table = file_table(file_column("x", pattern="(a+)+b", max_length=10))  # years, over sixty letters

    assert rejected_of(table, f"x\n{'a' * 60}\n").rule == "max_length"
