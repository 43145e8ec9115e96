"""What the tools print, read as findings and held against what is justified."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One thing that a tool found: by which rule, and where."""

    rule: str
    where: str


@dataclass(frozen=True)
class Verdict:
    """What is left of a tool's findings, and which reasons nothing needs any more."""

    unjustified: tuple[Finding, ...]
    stale: tuple[str, ...]
    justified: int

    @property
    def passes(self) -> bool:
        """Tell whether nothing is left to do."""
        return not self.unjustified and not self.stale


def judge(findings: Iterable[Finding], reasons: Mapping[str, str]) -> Verdict:
    """Hold findings against the reasons for leaving some as they are."""
    found = list(findings)
    used = {finding.rule for finding in found}
    left = tuple(finding for finding in found if finding.rule not in reasons)
    return Verdict(left, tuple(rule for rule in reasons if rule not in used), len(found) - len(left))


def of_bandit(printed: str) -> Iterator[Finding]:
    """Read bandit's JSON."""
    for result in json.loads(printed)["results"]:
        yield Finding(result["test_id"], f"{result['filename']}:{result['line_number']} {result['issue_text']}")


def of_checkov(printed: str, root: Path) -> Iterator[Finding]:
    """Read checkov's JSON, which is a list where it looked at several kinds of files."""
    reports = json.loads(printed)
    for report in reports if isinstance(reports, list) else [reports]:
        for check in report["results"]["failed_checks"]:
            yield Finding(check["check_id"], f"{check['file_path']} {check['resource']}: {check['check_name']}")
        for file in report["results"]["parsing_errors"]:
            yield Finding(f"unreadable {Path(file).relative_to(root)}", "checkov did not look at it")


def of_secrets(printed: str, patterns: Iterable[str], root: Path) -> Iterator[Finding]:
    """Read detect-secrets' JSON; a finding's rule is the first pattern that its line matches."""
    expressions = list(patterns)
    for file, results in json.loads(printed)["results"].items():
        lines = (root / file).read_text().splitlines()
        for result in results:
            line = lines[result["line_number"] - 1]
            rule = next((pattern for pattern in expressions if re.search(pattern, line)), result["type"])
            yield Finding(rule, f"{file}:{result['line_number']} {result['type']}")


def of_pip_audit(printed: str) -> Iterator[Finding]:
    """Read pip-audit's JSON."""
    for package in json.loads(printed)["dependencies"]:
        for flaw in package.get("vulns", ()):
            mended = ", ".join(flaw["fix_versions"]) or "no version yet"
            yield Finding(flaw["id"], f"{package['name']} {package['version']}: mended by {mended}")


def was_audited(printed: str) -> bool:
    """Tell whether pip-audit's source of data answered: it calls unknown packages sound when it did not."""
    try:
        packages: list[Mapping[str, Any]] = json.loads(printed)["dependencies"]
    except ValueError:
        return False
    return any("skip_reason" not in package for package in packages)
