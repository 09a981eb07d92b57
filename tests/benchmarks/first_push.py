"""An environment of 300 MB that no registry has seen, on a base that the registry holds.

The engine has built it before for everyone, so what differs is how it gets into the registry; each
run has random bytes of its own, so that none finds there what another has sent.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from imagebuild import buildkit
from imagebuild.builders.trees import Files
from tests.benchmarks.race_figures import Push, Result
from tests.support import SetupError
from tests.support.command import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from docker import DockerClient

    from tests.benchmarks.tracks import Track

SIZE: Final = 300_000_000
DIRECTORY: Final = "/opt/prefect/first"


def dockerfile(base: str, token: str) -> str:
    """An environment of random data, and the code."""
    return (
        f"FROM {base} AS environment\n"
        f"RUN : {token}; head -c {SIZE} /dev/urandom > /opt/data\n"
        f"WORKDIR {DIRECTORY}\n"
        "FROM environment\n"
        "COPY . .\n"
    )


class Pusher(Protocol):
    """A tool that brings what the engine has into the registry."""

    @property
    def name(self) -> str:
        """What it is called."""

    def command(self, project: Path, name: str) -> Sequence[str]:
        """Give the command whose time is taken."""


@dataclass(frozen=True)
class Imagebuild:
    """`imagebuild build --push`, whose engine has the environment in its build cache."""

    name: str = "imagebuild build --push"

    def command(self, project: Path, name: str) -> Sequence[str]:
        """Look, push the environment, add the code."""
        build = (PROGRAM, "build", "--quiet", "--push", "--image", name)
        return (*build, "--context", str(project), "--dockerfile", str(project / "Dockerfile"))


@dataclass(frozen=True)
class Docker:
    """`docker push` of the built image."""

    name: str = "docker push"

    def command(self, project: Path, name: str) -> Sequence[str]:
        """Push."""
        return ("docker", "push", "--quiet", name)


@dataclass(frozen=True)
class Skopeo:
    """`skopeo copy` of the built image, out of the engine."""

    name: str = "skopeo copy docker-daemon:"

    def command(self, project: Path, name: str) -> Sequence[str]:
        """Copy."""
        copy = ("skopeo", "copy", "--quiet", "--dest-tls-verify=false")
        return (*copy, f"docker-daemon:{name}", f"docker://{name}")


@dataclass
class FirstPush:
    """The race, and what it leaves in the engine."""

    client: DockerClient
    track: Track
    names: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)

    def race(self, rounds: int, limit: float, patience: float) -> list[Result]:
        """In turns; who begins changes each round, and who took longer than that runs once."""
        pushers: list[Pusher] = [Imagebuild(), Docker(), Skopeo()]
        runs: dict[str, list[Push]] = {pusher.name: [] for pusher in pushers}
        lacks: dict[str, str] = {}
        for number in range(rounds):
            for pusher in pushers if number % 2 == 0 else reversed(pushers):
                before = runs[pusher.name]
                if pusher.name in lacks or any(run.seconds > patience for run in before):
                    continue
                if pushed := self._try(pusher, limit, lacks):
                    before.append(pushed)
        return [
            Result(pusher.name, runs[pusher.name], lacks.get(pusher.name, "")) for pusher in pushers
        ]

    def _try(self, pusher: Pusher, limit: float, lacks: dict[str, str]) -> Push | None:
        try:
            return self._push(pusher, limit)
        except (SetupError, OSError) as error:
            lacks[pusher.name] = str(error).strip().splitlines()[-1]
        return None

    def _push(self, pusher: Pusher, limit: float) -> Push:
        """Build with an engine that then has it all, and measure the push of it."""
        token = uuid.uuid4().hex
        project = self.track.folder / f"first-{token[:8]}"
        project.mkdir()
        (project / "flow.py").write_text("print('first')\n")
        text = dockerfile(f"{self.track.host}/base:v1", token)
        (project / "Dockerfile").write_text(text)
        name = f"{self.track.host}/race/first-{token[:8]}:v1"
        self.tokens.append(token)
        self.names.append(name)
        self._build(text, project, name)
        return self.track.measure([pusher.command(project, name)], limit)

    def _build(self, text: str, project: Path, name: str) -> None:
        code = {"flow.py": (project / "flow.py").read_bytes()}
        trees = {"context": Files(code), "dockerfile": Files({"Dockerfile": text.encode()})}
        options = buildkit.BuildOptions(tags=(name,))
        shared = f"imagebuild-race-{project.name}"
        api = self.client.api
        with buildkit.Session(api, trees=trees, shared_key=shared, name=shared) as session:
            buildkit.build(api, session, options)

    def forget(self) -> None:
        """Take the random data, and nothing else, out of the engine's build cache.

        The images must be gone; what is made of an entry goes before it.
        """
        entries: list[dict[str, Any]] = self.client.df().get("BuildCache") or []
        found = [
            entry["ID"]
            for entry in entries
            if any(token in entry["Description"] for token in self.tokens)
        ]
        for parent in found:  # which grows on the way
            found += [entry["ID"] for entry in entries if entry["Parent"] == parent]
        for entry in reversed(found):
            self.client.api.prune_builds(filters=_only(entry))


def _only(entry: str) -> Any:
    """The filter that the SDK's types do not know.

    https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Image/operation/BuildPrune
    """
    return {"id": entry}
