"""`make security`: every tool over code, dependencies, configuration, workflows and secrets."""

import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from local.packaging.packages import ROOT
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

LOCKS = ("extraction", "transformation", "load", "file_drop", "exports", "delta", "query", "dev")
WORKFLOWS = ".github/workflows"


class ToolError(RuntimeError):
    """A tool could not do its work."""


@dataclass(frozen=True)
class Tools:
    """The programs of requirements/security.txt, in an environment of their own."""

    folder: Path
    console: Console

    def run(self, name: str, *arguments: str) -> str:
        """Run a tool and return what it printed; it fails only if it printed nothing."""
        command = [str(self.folder / name), *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode and not done.stdout.strip():
            raise ToolError(f"{name} failed: {done.stderr.strip()[-2000:]}")
        return done.stdout

    def passes(self, name: str, *arguments: str) -> bool:
        """Run a tool that says yes or no, and show what it says of a no."""
        command = [str(self.folder / name), *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            self.say(done.stdout + done.stderr)
        self.tell(name, "sound" if done.returncode == 0 else "findings above", done.returncode == 0)
        return done.returncode == 0

    def hold(self, name: str, findings: Iterable[Finding], reasons: Mapping[str, str]) -> bool:
        """Show what of a tool's findings is not justified, and return whether there is nothing."""
        verdict = judge(findings, reasons)
        for finding in verdict.unjustified:
            self.say(f"  {finding.rule}  {finding.where}")
        for rule in verdict.stale:
            self.say(f"  {rule} is found nowhere any more: take its reason out of local/security/justified.py")
        self.tell(name, f"{len(verdict.unjustified)} findings, {verdict.justified} more justified", verdict.passes)
        return verdict.passes

    def tell(self, name: str, result: str, is_good: bool) -> None:
        """Print a tool's result."""
        self.console.print(f"{name:<18} {result}", style="green" if is_good else "bold red", markup=False)

    def say(self, text: str) -> None:
        """Print as it is."""
        self.console.print(text, markup=False, soft_wrap=True)


def bandit(tools: Tools) -> bool:
    """Look for dangerous calls in the code."""
    return tools.hold("bandit", of_bandit(tools.run("bandit", "-q", "-r", "src", "-f", "json")), BANDIT)


def checkov(tools: Tools) -> bool:
    """Look for weak settings in the Terraform configuration."""
    printed = tools.run("checkov", "-d", "terraform", "--framework", "terraform", "--skip-download", "-o", "json")
    return tools.hold("checkov", of_checkov(printed, ROOT), CHECKOV)


def secrets(tools: Tools) -> bool:
    """Look for secrets in every tracked file; the locks are hashes from end to end."""
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    files = [name for name in tracked if name and not (name.startswith("requirements/") and name.endswith(".txt"))]
    printed = tools.run(
        "detect-secrets", "scan", *(name for name in files if not name.endswith("security/justified.py"))
    )
    return tools.hold("detect-secrets", of_secrets(printed, SECRETS, ROOT), SECRETS)


def workflows(tools: Tools) -> bool:
    """Hold the workflows against GitHub's schema and against what attackers use."""
    files = [str(path.relative_to(ROOT)) for path in sorted((ROOT / WORKFLOWS).glob("*.yml"))]
    is_valid = tools.passes("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *files)
    return tools.passes("zizmor", "--offline", "--persona=auditor", WORKFLOWS) and is_valid


def dependencies(tools: Tools) -> bool:
    """Look for known flaws in every pinned package, where the data about them can be reached."""
    found: list[Finding] = []
    for lock in LOCKS:
        options = ["--require-hashes", "--disable-pip", "-f", "json", "--progress-spinner", "off"]
        try:
            printed = tools.run("pip-audit", "-r", f"requirements/{lock}.txt", *options)
        except ToolError:
            printed = ""
        if not was_audited(printed):
            tools.tell("pip-audit", "skipped: its source of data cannot be reached", is_good=True)
            return True
        found += of_pip_audit(printed)
    return tools.hold("pip-audit", found, {})


CHECKS: tuple[Callable[[Tools], bool], ...] = (bandit, secrets, workflows, checkov, dependencies)


def main(folder: Path) -> int:
    """Run every check and return the exit code."""
    tools = Tools(folder, Console(highlight=False))
    return 0 if all([*_results(tools)]) else 1  # all of them, whatever the first says


def _results(tools: Tools) -> Iterator[bool]:
    for check in CHECKS:
        try:
            yield check(tools)
        except ToolError as error:
            tools.tell(check.__name__, str(error), is_good=False)
            yield False


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute()))
