import pytest

from local.packaging.build_target import here, on_lambda

LOCK = """\
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:aa
numpy==2.5.5 ; python_full_version >= '3.12' \\
    --hash=sha256:bb \\
    --hash=sha256:cc
six==1.17.0 \\
    --hash=sha256:dd
tzdata==2026.6 ; sys_platform == 'emscripten' or sys_platform == 'win32' \\
    --hash=sha256:ee
"""


def pins(lock):
    return [line.split() for line in lock.splitlines()]


def test_a_lambda_gets_the_versions_that_its_own_python_needs():
    assert pins(on_lambda("arm64").locked(LOCK)) == [
        ["numpy==2.5.5", "--hash=sha256:bb", "--hash=sha256:cc"],
        ["six==1.17.0", "--hash=sha256:dd"],
    ]


def test_a_marker_is_asked_of_the_targets_processor():
    lock = "one==1 ; platform_machine == 'aarch64' --hash=sha256:aa\n"

    assert on_lambda("arm64").locked(lock)
    assert not on_lambda("x86_64").locked(lock)


def test_a_pin_without_a_hash_is_refused():
    with pytest.raises(ValueError, match="no version pinned with hashes"):
        on_lambda("arm64").locked("six==1.17.0\n")


def test_pip_is_asked_for_binaries_of_the_targets_processor_and_glibc():
    options = on_lambda("arm64").pip_options()

    assert "manylinux_2_34_aarch64" in options
    assert not [option for option in options if "x86_64" in option or "2_35" in option]
    assert options[options.index("--only-binary") + 1] == ":all:"
    assert options[options.index("--python-version") + 1] == "3.13"


def test_the_interpreter_at_hand_needs_no_options_and_answers_markers_itself():
    assert here().pip_options() == []
    assert here().locked(LOCK) == LOCK


def test_each_target_has_a_folder_of_its_own():
    assert on_lambda("arm64").name == "python3.13-arm64"
    assert on_lambda("x86_64").name == "python3.13-x86_64"
