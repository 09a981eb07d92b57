"""A push to a registry in trouble: tried again where that helps, and told each time."""

from __future__ import annotations

import os
import uuid
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from imagebuild.builders.image import EngineImage
from imagebuild.engine import Engine
from imagebuild.errors import Denied, PushFailed, Unreachable
from imagebuild.events import Event, Warned
from imagebuild.names import ImageName
from tests.support.proxies import Fault, status_answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

    from tests.support.proxies import RecordingProxy
    from tests.support.registry import Registry

MANIFEST = ("PUT", r"/v2/.*/manifests/.*")
UPLOAD = ("POST", r"/v2/.*/blobs/uploads/.*")
BUSY = status_answer("503 Service Unavailable")
LIMITED = status_answer("429 Too Many Requests", "Retry-After: 7")
SAID = (
    '{"errors":[{"code":"TOOMANYREQUESTS","message":"retry-after: 6.5s, allowed: 44000/minute"}]}'
)
# As GitHub's registry says it.
LIMITED_IN_WORDS = status_answer(
    "429 Too Many Requests", "Content-Type: application/json", "Retry-After: 7", body=SAID
)


class Push:
    """An image of one small layer under a new name, and what its push told."""

    def __init__(self, engine: Engine, client: DockerClient, host: str) -> None:
        # A layer that no registry has, made of nothing but its own name.
        mark = uuid.uuid4().hex
        archive = _tar(mark)
        made = client.api.import_image_from_data(archive, repository=f"push-{mark}")
        self.name = ImageName.parse(f"{host}/retries/{mark}:v1")
        self.told: list[Event] = []
        self.waits: list[float] = []
        config = engine.image(f"push-{mark}")
        assert config is not None, made
        self.image = EngineImage(engine, config, self.waits.append)
        self.image.tag(self.name)
        self.names = [f"push-{mark}", str(self.name)]

    def run(self) -> str:
        """Push it; the digest."""
        return self.image.push(self.name, self.told.append)

    @property
    def warnings(self) -> list[Warned]:
        """What was told of tries that failed."""
        return [event for event in self.told if isinstance(event, Warned)]


def _tar(content: str) -> bytes:
    import io
    import tarfile

    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo("mark")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content.encode()))
    return packed.getvalue()


@pytest.fixture
def push(
    engine: DockerClient, recorded_registry: tuple[RecordingProxy, str]
) -> Iterator[tuple[Push, RecordingProxy]]:
    """Give an image to push through a proxy, and the proxy."""
    proxy, host = recorded_registry
    with closing(Engine(os.environ)) as connected:
        made = Push(connected, engine, host)
        yield made, proxy
    for name in made.names:
        engine.images.remove(name, force=True)


@pytest.mark.parametrize("answer", [BUSY, LIMITED, b""], ids=["503", "429", "reset"])
def test_a_manifest_that_is_refused_for_now_is_pushed_again(
    push: tuple[Push, RecordingProxy], registry: Registry, answer: bytes
) -> None:
    """The layers that have arrived are not sent again."""
    made, proxy = push
    proxy.faults.append(Fault(*MANIFEST, 2, answer))

    digest = made.run()

    assert registry.digest(made.name.repository, "v1") == digest
    assert len(proxy.asked(*MANIFEST)) == 3
    assert len(made.warnings) == len(made.waits) == 2
    assert all(str(made.name) in warned.text and warned.cause for warned in made.warnings)
    assert len([upload for upload in proxy.asked(*UPLOAD) if upload.status == 202]) == 2


@pytest.mark.parametrize(
    ("answer", "waits"),
    [(LIMITED, [(0.5, 0.75), (1.0, 1.5)]), (LIMITED_IN_WORDS, [(6.5, 6.5), (6.5, 6.5)])],
    ids=["in the header", "in words"],
)
def test_a_registry_that_limits_us_is_given_the_time_that_we_hear_of(
    push: tuple[Push, RecordingProxy], answer: bytes, waits: list[tuple[float, float]]
) -> None:
    """The engine drops the header `Retry-After`, so then it is our own time; words it hands on."""
    made, proxy = push
    proxy.faults.append(Fault(*MANIFEST, 2, answer))

    made.run()

    assert [warned for warned in made.warnings if "Retry-After" in str(warned.cause)] == []
    assert len(made.waits) == len(waits)
    for waited, (least, most) in zip(made.waits, waits, strict=True):
        assert least <= waited <= most


def test_five_tries_are_made_and_no_more(push: tuple[Push, RecordingProxy]) -> None:
    """Then it is a registry that cannot be reached."""
    made, proxy = push
    proxy.faults.append(Fault(*MANIFEST, 99, BUSY))
    with pytest.raises(Unreachable, match=f"cannot push {made.name}") as caught:
        made.run()

    assert "503" in caught.value.causes[0]
    assert len(proxy.asked(*MANIFEST)) == 5
    assert len(made.waits) == 4


def test_a_layer_that_breaks_once_is_the_engines_own_business(
    push: tuple[Push, RecordingProxy], registry: Registry
) -> None:
    """It tries each layer five times itself, after five seconds the first time."""
    made, proxy = push
    proxy.faults.append(Fault(*UPLOAD, 1, BUSY))

    assert registry.digest(made.name.repository, "v1") is None
    assert made.run() == registry.digest(made.name.repository, "v1")
    assert made.warnings == []
    assert len(proxy.asked(*MANIFEST)) == 1


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        ("403 Forbidden", '{"errors":[{"code":"DENIED","message":"not you"}]}', Denied),
        ("404 Not Found", '{"errors":[{"code":"NAME_UNKNOWN","message":"no repo"}]}', PushFailed),
        ("400 Bad Request", '{"errors":[{"code":"TAG_INVALID","message":"fixed"}]}', PushFailed),
    ],
)
def test_what_is_refused_for_good_is_asked_once(
    push: tuple[Push, RecordingProxy], status: str, body: str, kind: type[Exception]
) -> None:
    """With nothing to wait for."""
    made, proxy = push
    answer = status_answer(status, "Content-Type: application/json", body=body)
    proxy.faults.append(Fault(*MANIFEST, 99, answer))
    with pytest.raises(kind):
        made.run()

    assert len(proxy.asked(*MANIFEST)) == 1
    assert made.waits == []
