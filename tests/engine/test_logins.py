"""Credentials reach a private registry as docker, its helpers and podman keep them."""

from __future__ import annotations

import base64
import json
import os
import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.command import imagebuild

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

    from tests.support.command import Ran
    from tests.support.prefect_stack import PrefectServer
    from tests.support.registry import Registry

HELLO = Path(__file__).parents[2] / "examples" / "hello"
HELPER = """#!/bin/sh
read -r server
echo "$server" >> "$ASKED"
if [ "$server" != "$KNOWN" ]; then echo "credentials not found in native keychain"; exit 1; fi
printf '{"ServerURL": "%s", "Username": "%s", "Secret": "%s"}' "$server" "$NAME" "$WORD"
"""


class User:
    """A user with a project, a private registry, and an image and a base in it."""

    def __init__(self, home: Path, registry: Registry, env: dict[str, str]) -> None:
        self.home, self.registry = home, registry
        self.project = Path(shutil.copytree(HELLO, home / "hello"))
        (self.project / "requirements.txt").unlink()
        self.name = f"{registry.address}/team/{uuid.uuid4().hex}"
        self.env = {**env, "DOCKER_CONFIG": str(self._folder("docker"))}

    def docker_config(self, config: object) -> None:
        """Write docker's configuration."""
        (self.home / "docker" / "config.json").write_text(json.dumps(config))

    def auths(self, key: str, password: str | None = None) -> dict[str, object]:
        """Credentials as a file holds them."""
        text = f"{self.registry.username}:{password or self.registry.password}"
        return {"auths": {key: {"auth": base64.b64encode(text.encode()).decode()}}}

    def helper(self, program: str) -> Path:
        """Put a credential helper on the PATH; the file in which it says what it was asked."""
        folder, asked = self._folder("bin"), self.home / "asked"
        (folder / f"docker-credential-{program}").write_text(HELPER)
        (folder / f"docker-credential-{program}").chmod(0o755)
        self.env |= {
            "PATH": f"{folder}{os.pathsep}{self.env.get('PATH', os.defpath)}",
            "ASKED": str(asked),
            "KNOWN": self.registry.address,
            "NAME": str(self.registry.username),
            "WORD": str(self.registry.password),
        }
        return asked

    def podman(self, config: object) -> None:
        """Write podman's credentials where a session keeps them."""
        folder = self._folder("run/containers")
        (folder / "auth.json").write_text(json.dumps(config))
        self.env["XDG_RUNTIME_DIR"] = str(self.home / "run")

    def deploy(self, *arguments: str) -> Ran:
        """Deploy the project to the registry."""
        return imagebuild(
            *("deploy", "--image", f"{self.name}:v1", "--pool", "docker-pool", *arguments),
            cwd=self.project,
            env=self.env,
        )

    def _folder(self, name: str) -> Path:
        (self.home / name).mkdir(parents=True, exist_ok=True)
        return self.home / name


@pytest.fixture
def user(
    tmp_path: Path,
    base_image: str,
    prefect_server: PrefectServer,
    docker_pool: str,
    private_registry: Registry,
    engine: DockerClient,
) -> Iterator[User]:
    """Give a user who never logged in anywhere; the images are taken away afterwards."""
    docker_host = os.environ.get("DOCKER_HOST")
    env = prefect_server.environment() | ({"DOCKER_HOST": docker_host} if docker_host else {})
    made = User(tmp_path, private_registry, env)
    yield made
    for image in engine.images.list(made.name):
        engine.images.remove(str(image.id), force=True)


@pytest.fixture
def private_base(engine: DockerClient, base_image: str, private_registry: Registry) -> str:
    """Give the name of a base that the private registry has, and the engine has not."""
    name = f"{private_registry.address}/bases/prefect"
    login = {"username": private_registry.username, "password": private_registry.password}
    engine.images.get(base_image).tag(name, "3")
    assert "digest" in engine.api.push(name, "3", auth_config=login)
    engine.images.remove(f"{name}:3")
    return f"{name}:3"


def _pushed(user: User, ran: Ran) -> None:
    digest = user.registry.digest(user.name.partition("/")[2], "v1")
    assert digest is not None
    assert ran.reference == f"{user.name}:v1@{digest}"


@pytest.mark.parametrize("config", ["credHelpers", "credsStore"])
def test_a_credential_helper_opens_the_registry_for_base_and_push(
    user: User, private_base: str, config: str
) -> None:
    """It is asked for this registry, and for no other but the base's."""
    asked = user.helper("tests")
    helpers = {user.registry.address: "tests"}
    user.docker_config({config: helpers if config == "credHelpers" else "tests"})

    ran = user.deploy("--base", private_base)

    _pushed(user, ran)
    assert set(asked.read_text().split()) == {user.registry.address}


@pytest.mark.parametrize("part", ["", "/team"])
def test_podmans_credentials_open_the_registry_where_docker_has_none(user: User, part: str) -> None:
    """For the registry as a whole, or for a namespace in it."""
    user.podman(user.auths(f"{user.registry.address}{part}"))

    _pushed(user, user.deploy())


def test_podmans_credentials_and_helper_open_the_registry_for_the_base(
    user: User, private_base: str
) -> None:
    """The helper that podman's file names is asked."""
    user.helper("podman-tests")
    user.podman({"credHelpers": {user.registry.address: "podman-tests"}})

    _pushed(user, user.deploy("--base", private_base))


def test_podmans_credentials_for_another_namespace_open_nothing(user: User) -> None:
    """Somebody else's password is not tried."""
    user.podman(user.auths(f"{user.registry.address}/other"))

    ran = user.deploy()

    assert (ran.code, ran.answer) == (4, []), ran.told
    assert f"docker login {user.registry.address}" in ran.told


@pytest.mark.parametrize("place", ["docker", "podman"])
def test_a_wrong_password_is_told_before_anything_is_built(user: User, place: str) -> None:
    """With an exit code of its own, and never the password."""
    wrong = user.auths(user.registry.address, "the wrong word")
    user.docker_config(wrong) if place == "docker" else user.podman(wrong)

    ran = user.deploy()

    assert (ran.code, ran.answer) == (4, []), ran.told
    assert f"docker login {user.registry.address}" in ran.told
    assert "the wrong word" not in ran.told
    assert "RUN" not in ran.told


def test_a_helper_that_is_named_and_missing_is_told(user: User) -> None:
    """To go on without would be to push as nobody."""
    user.docker_config({"credHelpers": {user.registry.address: "of-nobody"}})

    ran = user.deploy()

    assert (ran.code, ran.answer) == (4, []), ran.told
    assert "docker-credential-of-nobody" in ran.told


def test_a_configuration_that_is_no_json_is_told(user: User) -> None:
    """With its place; docker's own words would be silence."""
    (user.home / "docker" / "config.json").write_text("{oops")

    ran = user.deploy()

    assert (ran.code, ran.answer) == (2, []), ran.told
    assert "cannot read docker's configuration" in ran.told
    assert str(user.home / "docker" / "config.json") in ran.told
