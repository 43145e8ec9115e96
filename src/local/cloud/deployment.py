"""One deployment: which project, in which environment, and where its files are."""

import shlex
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from local.cloud.answers import Answers, answers_file, read_answers
from local.delivery.api_document import FILE
from local.packaging.packages import PROJECT, ROOT
from utils.errors import ConfigurationError


@dataclass(frozen=True)
class Deployment:
    """A project in an environment, from a copy of this repository."""

    project: Path  # its folder
    environment: str
    root: Path = ROOT

    @property
    def folder(self) -> Path:
        """Return the project's folder, wherever this is run."""
        return (self.root / self.project).resolve()

    @property
    def project_name(self) -> str:
        """Return the project's name, which is its folder's."""
        return self.folder.name

    @property
    def name(self) -> str:
        """Return what every resource's name begins with."""
        return f"{self.project_name}-{self.environment}"

    def command(self, verb: str) -> str:
        """Return what a person types for this deployment and no other."""
        project = "" if self.folder == (self.root / PROJECT).resolve() else f" PROJECT={shlex.quote(str(self.project))}"
        return f"make {verb} ENV={self.environment}{project}"

    @property
    def answers_file(self) -> Path:
        """Return where the answers to `make configure` are."""
        return answers_file(self.root, self.project_name, self.environment)

    @cached_property
    def answers(self) -> Answers:
        """Return what `make configure` was told; raise ConfigurationError where it was told of another deployment."""
        answers = read_answers(self.answers_file, self.command("configure"))
        if (answers.project, answers.environment) != (self.project_name, self.environment):
            raise ConfigurationError(
                f"{self.answers_file} is of {answers.project}-{answers.environment}, not of {self.name}: it would give "
                "the state of one deployment the things of the other. Correct project and environment in it."
            )
        return answers

    @property
    def variable_files(self) -> list[Path]:
        """Return the files of variables, the later of which win."""
        usual = self.answers_file.with_name(f"{self.environment}.tfvars")
        return [path for path in (usual, self.answers_file) if path.exists()]

    @property
    def variables(self) -> dict[str, str]:
        """Return what Terraform cannot know of a project that is outside of projects/: where its document is."""
        document = self.folder / FILE
        is_usual = self.folder.parent == (self.root / "projects").resolve()
        return {} if is_usual or not document.exists() else {"api_document": str(document)}
