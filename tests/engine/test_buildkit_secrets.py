"""A secret that a step uses is nowhere afterwards."""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import json
import mmap
import re
import secrets
import shutil
import tarfile
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker
import pytest

from imagebuild.buildkit import BuildFailed, BuildOptions, Session, StepEvent, build

from .test_buildkit_build import BASE, Files, run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MOUNT = "RUN --mount=type=secret,id=token"
USE = "sha256sum /run/secrets/token | cut -c 1-64 > /digest"


@pytest.fixture
def client() -> Iterator[docker.DockerClient]:
    """The engine that docker finds."""
    with contextlib.closing(docker.from_env()) as found:
        yield found


@pytest.fixture
def canary() -> str:
    """A secret of this test alone."""
    return secrets.token_hex(32)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for large files, gone after the test."""
    with tempfile.TemporaryDirectory(prefix="ib-") as made:
        yield Path(made)


class Recorded:
    """An `Api` that keeps what is asked of the engine and what the engine answers."""

    def __init__(self, api: docker.APIClient) -> None:
        self._api = api
        self.base_url = api.base_url
        self.api_version = api.api_version
        self.asked: list[str] = []
        self.answered = bytearray()

    def post(self, url: str, **options: Any) -> Any:
        """As the SDK's, and noted."""
        self.asked.append(f"{url} {options.get('params')}")
        response: Any = self._api.post(url, **options)
        pieces = response.iter_content

        def iter_content(chunk_size: int | None = 1) -> Iterator[bytes]:
            for piece in pieces(chunk_size=chunk_size):
                self.answered.extend(piece)
                yield piece

        response.iter_content = iter_content
        return response

    @property
    def trace(self) -> bytes:
        """What was told of the build, out of its base64."""
        lines = map(json.loads, filter(None, bytes(self.answered).split(b"\r\n")))
        traced = (line["aux"] for line in lines if line.get("id") == "moby.buildkit.trace")
        return b"".join(map(base64.b64decode, traced))


def build_with(client: docker.DockerClient, dockerfile: str, secret: str) -> tuple[str, bytes]:
    """Build with the secret; the image, and every byte that was told of the build."""
    api = Recorded(client.api)
    trees = {"context": Files({}), "dockerfile": Files({"Dockerfile": dockerfile.encode()})}
    events: list[StepEvent] = []
    with Session(
        api, trees=trees, secrets={"token": secret.encode()}, shared_key="secrets"
    ) as session:
        image = build(api, session, BuildOptions(), events.append)
    assert b"RUN --mount=type=secret" in api.trace
    told = [repr(events).encode(), repr(api.asked).encode(), bytes(api.answered), api.trace]
    return image, b"\n".join(told)


def saved(client: docker.DockerClient, image: str, folder: Path) -> list[Path]:
    """What `docker save` gives, whole, and beside it each layer that is compressed in there."""
    whole = folder / "image.tar"
    with whole.open("wb") as file:
        file.writelines(client.images.get(image).save())
    unpacked = []
    with tarfile.open(whole) as archive:
        for number, member in enumerate(archive.getmembers()):
            packed = archive.extractfile(member) if member.isreg() else None
            if packed and packed.read(2) == b"\x1f\x8b":
                packed.seek(0)
                unpacked.append(folder / f"layer {number}")
                with gzip.open(packed) as layer, unpacked[-1].open("wb") as file:
                    shutil.copyfileobj(layer, file)
    return [whole, *unpacked]


def holds(paths: Iterable[Path], text: str) -> bool:
    """Whether the text is anywhere in one of the files."""
    for path in paths:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            if data.find(text.encode()) >= 0:
                return True
    return False


def test_a_secret_that_a_step_uses_is_nowhere(
    client: docker.DockerClient, canary: str, folder: Path
) -> None:
    """Not in the image, its config, its history; not in what is told; not in the cache's list."""
    # No other build has these steps, so they run, and the next build takes them from the cache.
    dockerfile = f"FROM {BASE}\nENV ONCE={uuid.uuid4().hex}\n{MOUNT} {USE}\n"
    other = secrets.token_hex(32)
    image, told = build_with(client, dockerfile, canary)
    try:
        again, told_again = build_with(client, dockerfile, other)
        files = saved(client, image, folder)
        found = client.images.get(image)
        facts = json.dumps([found.attrs, found.history(), client.df()])
    finally:
        client.images.remove(image, force=True)
    # It was used, once, and a secret is no part of a step's key.
    assert again == image
    assert holds(files, hashlib.sha256(canary.encode()).hexdigest())
    assert not holds(files, hashlib.sha256(other.encode()).hexdigest())
    for secret in (canary, other):
        assert not holds(files, secret)
        assert secret not in facts
        assert secret.encode() not in told + told_again


def test_a_secret_that_a_step_gives_away_is_found(
    client: docker.DockerClient, canary: str, folder: Path
) -> None:
    """So the search can see."""
    step = f"{MOUNT} cp /run/secrets/token /copied; cat /run/secrets/token"
    dockerfile = f"FROM {BASE}\nENV ONCE={uuid.uuid4().hex}\n{step}\n"
    image, told = build_with(client, dockerfile, canary)
    try:
        assert holds(saved(client, image, folder), canary)
    finally:
        client.images.remove(image, force=True)
    assert canary.encode() in told


def test_a_required_secret_that_was_not_given_is_named(client: docker.DockerClient) -> None:
    """Before its step runs."""
    dockerfile = f"FROM {BASE}\n{MOUNT},required=true {USE}\n"
    with pytest.raises(BuildFailed) as caught:
        run(client.api, dockerfile, {}, "secrets", secrets={"tokens": b"x"})
    assert re.search(r"secret token\b.*not found", caught.value.message)
    assert caught.value.refused == ("no secret 'token' was given",)


def test_an_optional_secret_that_was_not_given_is_told_when_its_step_fails(
    client: docker.DockerClient,
) -> None:
    """A secret is optional unless its mount says otherwise, so the step runs without it."""
    with pytest.raises(BuildFailed) as caught:
        run(client.api, f"FROM {BASE}\n{MOUNT} cat /run/secrets/token\n", {}, "secrets")
    assert "No such file or directory" in caught.value.log[-1]
    assert caught.value.refused == ("no secret 'token' was given",)
