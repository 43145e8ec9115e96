import json

import pytest

from local.security.findings import (
    Finding,
    judge,
    of_bandit,
    of_checkov,
    of_pip_audit,
    of_secrets,
    was_audited,
)
from local.security.justified import BANDIT, CHECKOV, SECRETS

FOUND = [Finding("A1", "here"), Finding("A1", "there"), Finding("B2", "here")]
SOUND, UNKNOWN = {"name": "six", "version": "1", "vulns": []}, {"name": "six", "skip_reason": "not found"}


def audit(*packages):
    return json.dumps({"dependencies": list(packages)})


def test_a_finding_without_a_reason_fails():
    verdict = judge(FOUND, {"A1": "on purpose"})

    assert verdict.unjustified == (Finding("B2", "here"),)
    assert verdict.justified == 2
    assert not verdict.passes


def test_a_reason_that_nothing_needs_any_more_fails_too():
    verdict = judge([], {"A1": "on purpose"})

    assert verdict.stale == ("A1",)
    assert not verdict.passes


def test_findings_that_all_have_their_reason_pass():
    assert judge(FOUND, {"A1": "on purpose", "B2": "on purpose too"}).passes


@pytest.mark.parametrize("reasons", [BANDIT, CHECKOV, SECRETS])
def test_every_reason_is_a_sentence(reasons):
    assert all(len(reason) > 10 for reason in reasons.values())


def test_bandits_findings_are_told_by_rule_file_and_line():
    printed = {"results": [{"test_id": "B1", "filename": "a.py", "line_number": 3, "issue_text": "bad"}]}

    assert list(of_bandit(json.dumps(printed))) == [Finding("B1", "a.py:3 bad")]


def test_a_file_that_checkov_cannot_read_is_a_finding(tmp_path):
    failed = {"check_id": "CKV_1", "file_path": "/a.tf", "resource": "aws_x.y", "check_name": "Ensure"}
    report = {"results": {"failed_checks": [failed], "parsing_errors": [str(tmp_path / "terraform/b.tf")]}}

    rules = [finding.rule for finding in of_checkov(json.dumps(report), tmp_path)]

    assert rules == ["CKV_1", "unreadable terraform/b.tf"]


def test_a_secret_is_judged_by_its_line(tmp_path):
    (tmp_path / "a.py").write_text('password = "testing"\npassword = "hunter2"\n')
    results = [{"line_number": number, "type": "Secret Keyword"} for number in (1, 2)]

    found = list(of_secrets(json.dumps({"results": {"a.py": results}}), ['"testing"'], tmp_path))

    assert [finding.rule for finding in found] == ['"testing"', "Secret Keyword"]
    assert found[1].where.startswith("a.py:2")


def test_a_flaw_is_told_with_the_version_that_mends_it():
    flaw = {"id": "CVE-1", "fix_versions": ["2", "3"]}

    assert list(of_pip_audit(audit({**SOUND, "vulns": [flaw]}))) == [Finding("CVE-1", "six 1: mended by 2, 3")]


@pytest.mark.parametrize(
    ("printed", "audited"),
    [(audit(SOUND, UNKNOWN), True), (audit(UNKNOWN), False), ("", False), ("no connection", False)],
)
def test_packages_that_nobody_was_asked_about_are_not_called_sound(printed, audited):
    assert was_audited(printed) is audited
