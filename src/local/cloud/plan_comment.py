"""Print a plan as a pull request's comment: `python -m local.cloud.plan_comment NAME FILE`."""

import re
import sys
from pathlib import Path

LONGEST = 60_000  # characters; GitHub refuses a comment of more than 65,536


def plan_comment(name: str, plan: str) -> str:
    """Return the plan folded up below its summary, cut where GitHub would refuse it."""
    summary = re.search(r"^(Plan: .*|No changes\..*)$", plan, re.MULTILINE)
    shown = plan if len(plan) <= LONGEST else f"{plan[:LONGEST]}\n... cut; the job's log has all of it"
    fence = "`" * (max((len(run) for run in re.findall(r"`+", plan)), default=2) + 1)
    heading = f"**{name}**: {summary[1] if summary else 'see the plan'}"
    return f"{heading}\n\n<details><summary>The plan</summary>\n\n{fence}\n{shown}\n{fence}\n\n</details>\n"


if __name__ == "__main__":
    if not (plan_file := Path(sys.argv[2])).is_file():
        sys.exit(f"{plan_file} is not there. `make plan` writes it.")
    sys.stdout.write(plan_comment(sys.argv[1], plan_file.read_text()))
