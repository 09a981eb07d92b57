"""The pipelines of examples/ci, read as GitHub and GitLab read them, and run line by line.

Each job has a folder of its own, and of the others' nothing but what they passed on. The engine is
emptied of the image between build and push, and recording has no engine at all.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.command import PROGRAM, imagebuild

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docker import DockerClient

    from tests.support.prefect_stack import PrefectServer, Worker
    from tests.support.registry import Registry

EXAMPLE = Path(__file__).parents[2] / "examples" / "ci"
GITHUB, GITLAB = EXAMPLE / ".github" / "workflows" / "deploy.yml", EXAMPLE / ".gitlab-ci.yml"
EXPRESSION = re.compile(r"\$\{\{ *([\w.]+) *\}\}")
NOBODY = "tcp://127.0.0.1:1"


@dataclass
class Pipeline:
    """A run of a pipeline on this machine: `known` are the CI system's own values by their names.

    `passed` are the files that jobs handed on, by the name of the artifact; `said` is what each
    line of a script printed.
    """

    folder: Path
    env: dict[str, str]
    engine: DockerClient
    known: Mapping[str, str]
    passed: dict[str, list[Path]] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)

    def filled(self, text: str) -> str:
        """The text with GitHub's expressions replaced; one that is not known is an error."""
        return EXPRESSION.sub(lambda found: self.known[found[1]], text)

    def variables(self, given: Mapping[str, str] | None) -> dict[str, str]:
        """An `env:` section."""
        return {name: self.filled(value) for name, value in (given or {}).items()}

    def job(self, name: str) -> tuple[Path, dict[str, str]]:
        """A new runner's folder, and its environment; only two jobs have an engine."""
        here = self.folder / name
        here.mkdir()
        return here, {**self.env, **({"DOCKER_HOST": NOBODY} if name == "record" else {})}

    def type(self, line: str, here: Path, env: Mapping[str, str]) -> None:
        """Run one line as it stands; the tool is installed already."""
        if line.startswith("pip install "):
            return
        done = subprocess.run(
            ["bash", "-c", line], cwd=here, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        self.said[line.partition(" --")[0]] = done.stdout

    def forget_image(self, name: str) -> None:
        """Let the next job's engine be one that has never seen it."""
        image = self.engine.images.get(name)
        self.engine.images.remove(str(image.id), force=True)


@pytest.fixture
def pipeline(
    tmp_path: Path,
    base_image: str,
    engine: DockerClient,
    private_registry: Registry,
    prefect_server: PrefectServer,
    docker_pool: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Pipeline:
    """A CI system whose registry asks for a password."""
    monkeypatch.setenv("PATH", f"{Path(PROGRAM).parent}{os.pathsep}{os.environ['PATH']}")
    secrets = {
        "REGISTRY_USER": str(private_registry.username),
        "REGISTRY_PASSWORD": str(private_registry.password),
        # The server of the tests asks for neither.
        "PREFECT_API_KEY": "",
    }
    env = prefect_server.environment() | {"CI": "true", "DOCKER_CONFIG": str(tmp_path / "docker")}
    known = {f"secrets.{name}": value for name, value in secrets.items()}
    known |= {"vars.PREFECT_API_URL": prefect_server.url, "github.sha": "4f2a" * 10}
    return Pipeline(tmp_path / "runners", env, engine, known)


def _read(path: Path, registry: Registry) -> Any:
    """The file as it lies there, but for where the registry of this test is."""
    return yaml.safe_load(path.read_text().replace("registry.example.com", registry.address))


def _run_github(flow: Any, pipeline: Pipeline) -> dict[str, dict[str, str]]:
    """All jobs in their order; the outputs of each step that has an id."""
    outputs: dict[str, dict[str, str]] = {}
    done: list[str] = []
    for name, job in flow["jobs"].items():
        assert job.get("needs") in {None, *done}, "a job stands below those that it needs"
        here, env = pipeline.job(name)
        env |= {"GITHUB_ACTIONS": "true"}
        env |= pipeline.variables(flow["env"]) | pipeline.variables(job.get("env"))
        for step in job["steps"]:
            places = {
                f"GITHUB_{kind}": here.parent / f"{name}-{kind}"
                for kind in ("OUTPUT", "STEP_SUMMARY")
            }
            step_env = env | {key: str(place) for key, place in places.items()}
            _run_step(step, here, step_env | pipeline.variables(step.get("env")), pipeline)
            if "id" in step:
                lines = places["GITHUB_OUTPUT"].read_text().splitlines()
                outputs[step["id"]] = dict(line.split("=", 1) for line in lines)
        if name == "build":
            pipeline.forget_image(env["IMAGE"])
        done.append(name)
    return outputs


def _run_step(step: Any, here: Path, env: Mapping[str, str], pipeline: Pipeline) -> None:
    action = step.get("uses", "").partition("@")[0]
    if action == "actions/checkout":
        shutil.copytree(EXAMPLE, here, dirs_exist_ok=True)
    elif action == "actions/upload-artifact":
        paths = [here / line for line in step["with"]["path"].split()]
        pipeline.passed[step["with"]["name"]] = paths
    elif action == "actions/download-artifact":
        for path in pipeline.passed[step["with"]["name"]]:
            shutil.copy(path, here)
    elif action:
        assert action == "actions/setup-python"
    else:
        for line in step["run"].splitlines():
            pipeline.type(line, here, env)


def test_github_builds_pushes_and_records_in_three_jobs(
    pipeline: Pipeline,
    private_registry: Registry,
    prefect_server: PrefectServer,
) -> None:
    """One image, which the deployment names by the digest that the output has."""
    pipeline.folder.mkdir()
    workflow = _read(GITHUB, private_registry)

    outputs = _run_github(workflow, pipeline)

    held = prefect_server.api.deployment("nightly/nightly")
    name = pipeline.filled(workflow["env"]["IMAGE"])
    digest = private_registry.digest("team/nightly", "4f2a" * 10)
    pipeline.forget_image(name)
    assert outputs["push"] == {"image": name, "digest": digest, "reference": f"{name}@{digest}"}
    assert private_registry.digest("team/nightly", "latest") == digest
    assert pipeline.said["imagebuild record"] == f"{name}@{digest}\n"
    assert held["job_variables"]["image"] == f"{name}@{digest}"
    assert held["entrypoint"] == "flow.py:nightly"
    assert list(held["parameter_openapi_schema"]["properties"]) == ["day"]
    summary = (pipeline.folder / "record-STEP_SUMMARY").read_text()
    assert "### imagebuild: nightly/nightly" in summary
    assert f"| reference | `{name}@{digest}` |" in summary
    assert "::error" not in "".join(pipeline.said.values())


def test_gitlab_builds_pushes_and_records_in_three_jobs(
    pipeline: Pipeline,
    private_registry: Registry,
    prefect_server: PrefectServer,
) -> None:
    """The dotenv report gives the last job the reference, without a word in its script."""
    pipeline.folder.mkdir()
    file = _read(GITLAB, private_registry)
    name = file["variables"]["IMAGE"].replace("$CI_COMMIT_SHORT_SHA", "5e6f7a8b")
    env = {key.removeprefix("secrets."): value for key, value in pipeline.known.items()}
    passed: dict[str, bytes] = {}
    reported = {"IMAGE": name}
    for stage in file["stages"]:
        here, own = pipeline.job(stage)
        shutil.copytree(EXAMPLE, here, dirs_exist_ok=True)
        for path, content in passed.items():
            (here / path).write_bytes(content)
        for line in file[stage]["script"]:
            job_env = {**own, **env, "GITLAB_CI": "true", **reported}
            pipeline.type(line, here, {k: v for k, v in job_env.items() if k != "PREFECT_API_KEY"})
        artifacts = file[stage].get("artifacts", {})
        passed |= {path: (here / path).read_bytes() for path in artifacts.get("paths", [])}
        if report := artifacts.get("reports", {}).get("dotenv"):
            lines = (here / report).read_text().splitlines()
            reported |= dict(line.split("=", 1) for line in lines)
        if stage == "build":
            pipeline.forget_image(name)
    pipeline.forget_image(name)

    digest = private_registry.digest("team/nightly", "5e6f7a8b")
    held = prefect_server.api.deployment("nightly/nightly")
    assert reported == {
        "IMAGE": name,
        "IMAGE_DIGEST": digest,
        "IMAGE_REFERENCE": f"{name}@{digest}",
    }
    assert pipeline.said['echo "recording $IMAGE_REFERENCE"'] == f"recording {name}@{digest}\n"
    assert held["job_variables"]["image"] == f"{name}@{digest}"


def test_what_was_recorded_elsewhere_runs(
    tmp_path: Path,
    base_image: str,
    engine: DockerClient,
    registry: Registry,
    prefect_server: PrefectServer,
    docker_pool: str,
    worker: Worker,
) -> None:
    """Built and pushed where the project is; recorded where neither it nor an engine is.

    The flow's parameters are known to Prefect by then, of exactly this version.
    """
    project = Path(shutil.copytree(EXAMPLE, tmp_path / "nightly"))
    away = tmp_path / "away"
    away.mkdir()
    env = prefect_server.environment()
    if docker_host := os.environ.get("DOCKER_HOST"):
        env["DOCKER_HOST"] = docker_host
    name = f"{registry.address}/team/recorded-elsewhere:v1"
    file = str(tmp_path / "image.json")
    to = ("--deployment", "nightly/elsewhere", "--pool", docker_pool)

    built = imagebuild(
        *("build", "--image", name, "--push", "--json-file", file), cwd=project, env=env
    )
    assert built.code == 0, built.told
    nowhere = env | {"DOCKER_HOST": NOBODY}
    new = imagebuild("record", "--from", file, *to, cwd=away, env=nowhere)
    first = imagebuild("record", "--from", file, *to, cwd=project, env=nowhere)
    again = imagebuild("record", "--from", file, *to, cwd=away, env=nowhere)
    run = prefect_server.api.run_deployment("nightly/elsewhere", {"day": "Marvin"})
    lines = prefect_server.api.logs(run.id, awaited="the night of")
    engine.images.remove(built.reference, force=True)  # which the worker pulled

    assert (new.code, new.answer) == (2, []), new.told
    assert "flow.py" in new.told
    assert first.reference == again.reference == built.reference
    assert "not recorded (nothing changed)" in again.told
    assert run.state == "Completed"
    assert any("the night of Marvin" in line for line in lines)
