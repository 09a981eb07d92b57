"""`imagebuild.buildkit` against a real engine."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import signal
import subprocess
import tarfile
import threading
import time
import uuid
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

import docker
import pytest

from imagebuild.buildkit import (
    BuildFailed,
    BuildOptions,
    Entry,
    Sent,
    Session,
    StepEvent,
    StepLog,
    UnreadableFile,
    build,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

BASE = "prefecthq/prefect:3-latest"


class Files:
    """A tree in memory, with times from the content; a str is a link."""

    def __init__(self, files: Mapping[str, bytes | str]) -> None:
        self._files = files

    def entries(self) -> Iterable[Entry]:
        folders = {str(folder) for path in self._files for folder in PurePosixPath(path).parents}
        entries = [Entry.directory(folder) for folder in folders - {"."}]
        for path, content in self._files.items():
            if isinstance(content, str):
                entries.append(Entry.symlink(path, content))
            else:
                digest = hashlib.sha256(content).digest()
                nanoseconds = 10**18 + int.from_bytes(digest[:4], "big") % 10**9
                entries.append(Entry.file(path, len(content), nanoseconds))
        return sorted(entries, key=lambda entry: entry.sort_key)

    def open(self, path: str) -> BinaryIO:
        content = self._files[path]
        if not isinstance(content, bytes) or path == "unreadable":
            raise PermissionError(13, "Permission denied", path)
        return io.BytesIO(content)


@pytest.fixture
def client() -> Iterator[docker.DockerClient]:
    """The engine that docker finds."""
    with contextlib.closing(docker.from_env()) as found:
        yield found


@pytest.fixture
def made(client: docker.DockerClient) -> Iterator[list[str]]:
    """Images to remove at the end."""
    images: list[str] = []
    yield images
    for image in dict.fromkeys(images):
        with contextlib.suppress(docker.errors.ImageNotFound):
            client.images.remove(image, force=True)


def run(
    api: docker.APIClient,
    dockerfile: str,
    files: Mapping[str, bytes | str],
    key: str,
    *,
    secrets: Mapping[str, bytes] | None = None,
    ssh: Mapping[str, Path] | None = None,
    options: BuildOptions | None = None,
) -> tuple[str, Mapping[str, Sent], list[str]]:
    """One build: the image, what was sent, the lines that steps printed."""
    trees = {"context": Files(files), "dockerfile": Files({"Dockerfile": dockerfile.encode()})}
    lines: list[str] = []

    def note(event: StepEvent) -> None:
        if isinstance(event, StepLog):
            lines.append(event.line)

    with Session(
        api, trees=trees, secrets=secrets, ssh=ssh, shared_key=key, name="test"
    ) as session:
        image = build(api, session, options or BuildOptions(), note)
        return image, session.sent, lines


def files_of(client: docker.DockerClient, image: str) -> dict[str, bytes]:
    """All files of an image made `FROM scratch`."""
    container = client.containers.create(image, ["none"])
    try:
        data = b"".join(container.export())  # type: ignore[arg-type] # bytes, not the stub's str
    finally:
        container.remove()
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        found = {m.name: archive.extractfile(m) for m in archive if m.name.startswith("app/")}
        return {name: file.read() for name, file in found.items() if file is not None}


COPY = "FROM scratch\nCOPY . /app\n"


def test_only_what_changed_is_sent(client: docker.DockerClient, made: list[str]) -> None:
    """First all, then nothing, then the one file; and the image has its new content."""
    key = uuid.uuid4().hex
    files: dict[str, bytes | str] = {f"d/{i}": f"{key}{i}".encode() for i in range(50)}
    image, sent, _ = run(client.api, COPY, files, key)
    made.append(image)
    assert sent["context"].files == 50
    again, sent, _ = run(client.api, COPY, files, key)
    assert (again, sent["context"]) == (image, Sent())
    changed = files | {"d/7": f"{key}!".encode()}
    other, sent, _ = run(client.api, COPY, changed, key)
    made.append(other)
    assert sent["context"] == Sent(("d/7",), 33)
    assert files_of(client, other) == {f"app/{name}": data for name, data in changed.items()}


def test_followpaths_send_what_is_copied(client: docker.DockerClient, made: list[str]) -> None:
    """With wildcards and through links, as the engine then finds them."""
    files: dict[str, bytes | str] = {
        "a.py": b"a",
        "b.py": b"b",
        "c.txt": b"c",
        "src/m.py": b"m",
        "link": "src",
        "x": b"x",
    }
    dockerfile = "FROM scratch\nCOPY *.py link /app/\nCOPY link/m.py /app/n.py\n"
    image, sent, _ = run(client.api, dockerfile, files, uuid.uuid4().hex)
    made.append(image)
    assert sorted(sent["context"].paths) == ["a.py", "b.py", "src/m.py"]
    assert files_of(client, image) == {
        "app/a.py": b"a",
        "app/b.py": b"b",
        "app/m.py": b"m",
        "app/n.py": b"m",
    }


def test_labels_reach_the_image(client: docker.DockerClient, made: list[str]) -> None:
    """As they are."""
    options = BuildOptions(labels={"who": "test"})
    image, _, _ = run(client.api, COPY, {}, "labels", options=options)
    made.append(image)
    assert client.images.get(image).labels["who"] == "test"


def test_a_failing_step_is_named(client: docker.DockerClient) -> None:
    """With its last lines."""
    dockerfile = f"FROM {BASE}\nRUN echo one; echo two; exit 3\n"
    with pytest.raises(BuildFailed) as caught:
        run(client.api, dockerfile, {}, "failing", options=BuildOptions(no_cache=True))
    assert caught.value.step == "[2/2] RUN echo one; echo two; exit 3"
    assert caught.value.log == ("one", "two")


def test_an_unreadable_file_ends_the_build(client: docker.DockerClient) -> None:
    """The engine understands the ERR packet; the exception names the path."""
    with pytest.raises(UnreadableFile, match=r"'unreadable': Permission denied") as caught:
        run(client.api, COPY, {"unreadable": uuid.uuid4().bytes}, uuid.uuid4().hex)
    assert caught.value.path == "unreadable"
    assert "cannot send 'unreadable'" in str(caught.value.__cause__)


@pytest.mark.parametrize("dockerfile", ["FORM scratch\n", ""])
def test_a_bad_dockerfile_is_a_failed_build(client: docker.DockerClient, dockerfile: str) -> None:
    """In the engine's words."""
    with pytest.raises(BuildFailed):
        run(client.api, dockerfile, {}, "bad")


def test_a_hundred_sessions_work(client: docker.DockerClient, made: list[str]) -> None:
    """However the engine's first bytes fall."""
    for _ in range(100):
        image, _, _ = run(client.api, COPY, {"a": b"a"}, "hundred")
        made.append(image)


def test_ctrl_c_ends_the_step(client: docker.DockerClient) -> None:
    """No process of it is left soon after."""
    seconds = f"3{uuid.uuid4().int % 10**6:06}"
    dockerfile = f"FROM {BASE}\nRUN echo ready; sleep {seconds}\n"
    trees = {"context": Files({}), "dockerfile": Files({"Dockerfile": dockerfile.encode()})}

    def interrupt(event: StepEvent) -> None:
        if isinstance(event, StepLog) and event.line == "ready":
            # Comes while the next line of the answer is waited for, as a signal does.
            threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()

    with (
        Session(client.api, trees=trees, shared_key="cancel") as session,
        pytest.raises(KeyboardInterrupt),
    ):
        build(client.api, session, BuildOptions(), interrupt)
    deadline = time.monotonic() + 20
    while running(f"sleep {seconds}"):
        assert time.monotonic() < deadline, "the step still runs"
        time.sleep(0.1)


def running(command: str) -> bool:
    """Whether a process has this command line (the engine is on this machine)."""
    listed = subprocess.run(["ps", "-eo", "args"], check=True, capture_output=True, text=True)
    return command in listed.stdout.splitlines()
