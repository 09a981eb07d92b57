"""What can be wrong with a storage: each as it comes from the service, told in our words."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from imagebuild.errors import UsageError
from imagebuild.request import SourceRequest
from imagebuild.sources.blob import open_blob
from imagebuild.sources.kept import Kept
from tests.support.command import imagebuild
from tests.support.prefect_stack import container_host
from tests.support.processes import free_port
from tests.support.projects import greeter
from tests.support.proxies import Fault, status_answer
from tests.support.storages import AWS_SECRET, connection_string, s3

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from docker import DockerClient

    from tests.support.command import Ran
    from tests.support.storages import Storage

SERVICES = ("s3", "gcs", "azure")
# https://cloud.google.com/storage/docs/json_api/v1/status-codes#403-forbidden
FORBIDDEN = (
    '{"error": {"code": 403, "message": "tests@example.com does not have storage.objects.list'
    ' access to the Google Cloud Storage bucket.", "errors": [{"reason": "forbidden"}]}}'
)
OTHER_KEY = "c29tZWJvZHkgZWxzZSdzIGtleQ=="


@dataclass(frozen=True)
class Place:
    """A bucket of a service, and a folder to stand in, without a project, with its own cache."""

    storage: Storage
    bucket: str
    folder: Path
    env: dict[str, str]

    def render(self, folder: str, bucket: str = "", **env: str) -> Ran:
        """Read the code there and do nothing with it."""
        source = self.storage.source(bucket or self.bucket, folder)
        return imagebuild("render", *source, cwd=self.folder, env={**self.env, **env})

    def checkout(self, folder: str, bucket: str) -> None:
        """The same, in this process."""
        address = self.storage.address(bucket or self.bucket, folder)
        asked = SourceRequest(address, self.storage.reference)
        source = open_blob(asked, self.folder, Kept.of(self.env), self.env, lambda *_: None)
        with source.checkout():
            pass


@pytest.fixture(params=SERVICES)
def place(
    request: pytest.FixtureRequest,
    storages: dict[str, Storage],
    elsewhere: tuple[Path, dict[str, str]],
    tmp_path: Path,
) -> Place:
    """Give each service, with a bucket in which there is more than can be read."""
    storage: Storage = storages[request.param]
    bucket = f"bad-input-{uuid.uuid4().hex[:8]}"
    folder, env = elsewhere
    storage.fill(bucket, greeter(tmp_path / "project", "Good morning"), "team/greeter")
    keys = ["absolute//etc/passwd", "both/a", "both/a/b"]
    if request.param == "s3":  # the other two take no such name
        keys.append("outside/../x")
    for key in keys:
        storage.put(bucket, key, b"x")
    return Place(storage, bucket, folder, {**env, **storage.env})


def test_what_is_not_there_or_cannot_be_written_is_named(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing was downloaded by then."""
    scheme, bucket = place.storage.scheme, place.bucket
    cases = [
        ("nobodys", "flows", f"there is no {scheme}://nobodys"),
        ("nobodys", "team/greeter", f"there is no {scheme}://nobodys"),
        ("", "team/greater", "did you mean 'greeter'?"),
        ("", "nothing/at/all", f"there is nothing in {scheme}://{bucket}/nothing/at/all"),
        ("", "team/greeter/requirements.txt", "is one object, and no folder"),
        ("", "absolute", "cannot write the object '/etc/passwd'"),
        ("", "both", "a file and a folder at once"),
    ]
    if place.storage.name == "s3":
        cases.append(("", "outside", "cannot write the object '../x'"))
    for key, value in place.env.items():
        monkeypatch.setenv(key, value)
    place.storage.proxy.clear()
    for other, folder, words in cases:
        with pytest.raises(UsageError) as error:
            place.checkout(folder, other)
        assert words in str(error.value)
    assert place.storage.read() == []


def test_an_object_that_vanishes_ends_it_and_the_next_run_goes_on(place: Place) -> None:
    """With what had not been fetched, alone."""
    missing = status_answer("404 Not Found", body="")
    storage = place.storage
    fault = Fault("GET", r".*words\.py.*", 1, missing)
    storage.proxy.clear()
    storage.proxy.faults.append(fault)
    first = place.render("team/greeter")
    storage.proxy.faults.remove(fault)
    begun = len(storage.read())
    storage.proxy.clear()
    second = place.render("team/greeter")
    resumed = storage.read()

    assert (first.code, "changed while it was read" in first.told) == (1, True), first.told
    assert "'flows/words.py' is gone" in first.told
    assert "Traceback" not in first.told
    assert second.code == 0, second.told
    assert begun == 3
    assert [path for path in resumed if "words.py" not in path] == []
    assert len(resumed) == 1


def test_a_place_where_nobody_listens_is_given_up_soon(place: Place, engine: DockerClient) -> None:
    """In seconds, whatever its library would do."""
    host = container_host(engine)
    url = f"http://{host}:{free_port(host)}"
    env = {name: value.replace(place.storage.url, url) for name, value in place.storage.env.items()}
    began = time.monotonic()
    ran = place.render("team/greeter", **env)
    seconds = time.monotonic() - began

    assert (ran.code, "cannot read" in ran.told) == (3, True), ran.told
    assert "Traceback" not in ran.told
    assert seconds < 15, ran.told


@pytest.fixture
def strict(engine: DockerClient, tmp_path: Path) -> Iterator[Storage]:
    """Give an S3 that checks who asks."""
    with s3(container_host(engine), tmp_path, INITIAL_NO_AUTH_ACTION_COUNT="0") as storage:
        yield storage


def test_a_wrong_key_is_told_as_one_and_by_its_reference(
    storages: dict[str, Storage],
    strict: Storage,
    elsewhere: tuple[Path, dict[str, str]],
) -> None:
    """Never by what it is."""
    folder, env = elsewhere
    google, azure = storages["gcs"], storages["azure"]
    tried = {
        "s3": (strict, strict.env),
        "gcs": (google, google.env),
        "azure": (azure, {"AZURE": connection_string(azure.url, OTHER_KEY)}),
    }
    refusal = status_answer("403 Forbidden", "Content-Type: application/json", body=FORBIDDEN)
    fault = Fault("GET", ".*/o[?].*", 99, refusal)
    google.proxy.faults.append(fault)
    seen = {
        name: Place(storage, "bad-input", folder, {**env, **own}).render("team/greeter")
        for name, (storage, own) in tried.items()
    }
    google.proxy.faults.remove(fault)

    for name, ran in seen.items():
        with_what = tried[name][0].reference or "what this machine is signed in with"
        assert (ran.code, f"with {with_what}" in ran.told) == (4, True), ran.told
        assert not any(secret in ran.told for secret in (AWS_SECRET, OTHER_KEY))
        assert "Traceback" not in ran.told
