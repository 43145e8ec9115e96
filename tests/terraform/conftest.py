"""What the Terraform tests share: they run where Terraform can, and say why where it cannot."""

import functools

import pytest

from tests.terraform.program import why_not

reason = functools.cache(why_not)


@pytest.fixture(scope="session", autouse=True)
def terraform_program() -> None:
    if why := reason():
        pytest.skip(f"Terraform is not tested: {why}.")
