"""The two ways to deploy that race: ours, and Prefect's own command with prefect-docker's steps."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import yaml

from tests.support.command import PROGRAM
from tests.support.images import PREFECT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

POOL = "bench"


@dataclass(frozen=True)
class Project:
    """A folder with a flow, the image (`repository`, without a tag) that it becomes, its base."""

    folder: Path
    repository: str
    base: str = PREFECT.name


class Way(Protocol):
    """A way to build, push and record by one command, in the project's folder."""

    name: str

    def write(self, project: Project) -> None:
        """Write what this way wants to find beside the flow."""

    def command(self, project: Project) -> Sequence[str]:
        """Give the command."""

    def steps_run(self, printed: str) -> int:
        """Tell from what it printed how many steps of the build did not come from the cache."""


class Imagebuild:
    """One command, and no file."""

    name = "imagebuild"

    def write(self, project: Project) -> None:
        """Nothing."""

    def command(self, project: Project) -> Sequence[str]:
        """Deploy."""
        image = ["--image", f"{project.repository}:v1", "--base", project.base]
        return [PROGRAM, "deploy", *image, "--push", "--name", project.folder.name, "--pool", POOL]

    def steps_run(self, printed: str) -> int:
        """Count BuildKit's steps."""
        return buildkit_steps_run(printed)


class PrefectDocker:
    """`prefect deploy` with the steps of prefect-docker."""

    name = "prefect deploy"

    def write(self, project: Project) -> None:
        """The configuration that its documentation shows, and what `dockerfile: auto` would write.

        `auto` itself names a base by the exact versions of this machine's Prefect and Python,
        which need not be the base of the race.
        """
        directory = f"/opt/prefect/{project.folder.name}"
        (project.folder / "Dockerfile").write_text(
            f"FROM {project.base}\n"
            f"COPY requirements.txt {directory}/requirements.txt\n"
            f"RUN uv pip install -r {directory}/requirements.txt\n"
            f"COPY . {directory}/\n"
            f"WORKDIR {directory}/\n"
        )
        (project.folder / "prefect.yaml").write_text(yaml.safe_dump(_configuration(project)))

    def command(self, project: Project) -> Sequence[str]:
        """Deploy what prefect.yaml names, and ask nothing."""
        return [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]

    def steps_run(self, printed: str) -> int:
        """Count the classic builder's steps."""
        return classic_steps_run(printed)


def buildkit_steps_run(printed: str) -> int:
    """Count the Dockerfile's steps in imagebuild's plain lines that ran; `FROM` is none."""
    bases = re.findall(r"^  (\[.+?\]) FROM ", printed, re.MULTILINE)
    ran = re.findall(r"^  (\[.+?\]) done in ", printed, re.MULTILINE)
    return sum(step not in bases for step in ran)


def classic_steps_run(printed: str) -> int:
    """Count the steps that the classic builder ran; `FROM` is none.

    https://github.com/moby/moby/blob/v20.10.24/builder/dockerfile/dispatchers.go
    """
    parts = re.split(r"^Step \d+/\d+ : ", printed, flags=re.MULTILINE)[1:]
    return sum(not part.startswith("FROM ") and "---> Using cache" not in part for part in parts)


def _configuration(project: Project) -> dict[str, Any]:
    steps = "prefect_docker.deployments.steps."
    build = {
        "id": "build-image",
        "requires": "prefect-docker",
        "image_name": project.repository,
        "tag": "v1",
        "dockerfile": "Dockerfile",
        "pull": False,  # a base that the engine has need not be in any registry
    }
    push = {
        "requires": "prefect-docker",
        "image_name": "{{ build-image.image_name }}",
        "tag": "{{ build-image.tag }}",
    }
    directory = f"/opt/prefect/{project.folder.name}"
    return {
        "name": project.folder.name,
        "build": [{f"{steps}build_docker_image": build}],
        "push": [{f"{steps}push_docker_image": push}],
        "pull": [{"prefect.deployments.steps.set_working_directory": {"directory": directory}}],
        "deployments": [
            {
                "name": project.folder.name,
                "entrypoint": "flow.py:hello",
                "work_pool": {
                    "name": POOL,
                    "job_variables": {"image": "{{ build-image.image }}"},
                },
            }
        ],
    }
