import subprocess
import sys

import pytest

from local.cloud.plan_comment import LONGEST, plan_comment
from local.release_notes import CHANGELOG, NoNotesError, release_notes

TEXT = "# Changelog\n\n## Unreleased\n\n## [1.2.3] - 2026-01-02\n\n### Added\n\n- A thing.\n\n## 1.2.2\n\n- Older.\n"


@pytest.mark.parametrize("version", ["v1.2.3", "1.2.3"])
def test_a_versions_notes_are_its_section_of_the_changelog(version):
    assert release_notes(TEXT, version) == "### Added\n\n- A thing."


def test_the_oldest_version_ends_with_the_file():
    assert release_notes(TEXT, "v1.2.2") == "- Older."


@pytest.mark.parametrize("version", ["v1.2", "v1.2.33", "v9.9.9"])
def test_a_version_without_notes_is_not_released(version):
    with pytest.raises(NoNotesError, match="rename its Unreleased section"):
        release_notes(TEXT, version)


def test_a_section_without_a_word_is_no_note():
    with pytest.raises(NoNotesError):
        release_notes("## 1.0.0\n\n## 0.9.0\n- Older.\n", "1.0.0")


def test_the_changelog_has_the_form_that_notes_are_read_from():
    assert release_notes(CHANGELOG.read_text(), "Unreleased")


def test_a_plan_is_folded_up_below_its_summary():
    comment = plan_comment("totesys-prod", "aws_x will be created\n\nPlan: 1 to add, 0 to change, 0 to destroy.\n")

    assert comment.startswith("**totesys-prod**: Plan: 1 to add, 0 to change, 0 to destroy.")
    assert "aws_x will be created" in comment


def test_a_plan_longer_than_a_comment_may_be_is_cut_and_says_so():
    comment = plan_comment("totesys-prod", "x" * (LONGEST * 2))

    assert len(comment) < 65_536
    assert "cut" in comment


def test_backticks_in_a_plan_do_not_end_the_block():
    assert "\n````\n" in plan_comment("totesys-prod", "a ``` b")


def test_a_comment_without_a_plan_names_the_target_that_makes_one(tmp_path):
    command = [sys.executable, "-m", "local.cloud.plan_comment", "totesys-dev", str(tmp_path / "plan.txt")]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr.strip().endswith("`make plan` writes it.")
