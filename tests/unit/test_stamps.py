"""Labels that tell where an image comes from."""

from __future__ import annotations

import pytest

from imagebuild.commit import Commit
from imagebuild.errors import UsageError
from imagebuild.plan import Base
from imagebuild.stamps import created_at, stamp
from tests.unit.values import DIGEST, IMAGE_ID, base, name

COMMIT = Commit("a" * 40, 1700000000, url="https://git.example.com/team/app.git")
YEAR_9999 = 253402300799


def test_a_build_tells_all_that_is_known_of_it() -> None:
    """By the names of the OCI's annotations, and Prefect's version by the name beside its own."""
    assert stamp(COMMIT, epoch=None, version="v1", base=base(), prefect="3.8.8") == {
        "org.opencontainers.image.created": "2023-11-14T22:13:20Z",
        "org.opencontainers.image.revision": "a" * 40,
        "org.opencontainers.image.source": "https://git.example.com/team/app.git",
        "org.opencontainers.image.version": "v1",
        "org.opencontainers.image.base.name": "docker.io/prefecthq/prefect:3-latest",
        "org.opencontainers.image.base.digest": DIGEST,
        "io.prefect.version": "3.8.8",
    }


def test_what_is_not_known_is_left_out() -> None:
    """A base that only an engine has is no digest of a registry's."""
    local = Base(name("team/base:v1"), image_id=IMAGE_ID)
    assert stamp(None, epoch=None, version=None, base=local) == {
        "org.opencontainers.image.created": "1970-01-01T00:00:00Z",
        "org.opencontainers.image.base.name": "docker.io/team/base:v1",
    }


def test_files_that_differ_from_their_commit_are_not_that_revision() -> None:
    """The revision says so."""
    dirty = Commit("a" * 40, 0, dirty=True)
    labels = stamp(dirty, epoch=None, version=None, base=base())
    assert labels["org.opencontainers.image.revision"] == "a" * 40 + "-dirty"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("python", "docker.io/library/python:latest"),
        ("python:3.12", "docker.io/library/python:3.12"),
        (f"python@{DIGEST}", f"docker.io/library/python@{DIGEST}"),
        ("reg.example:5000/team/base:v1", "reg.example:5000/team/base:v1"),
        ("scratch", None),
        ("reg.example/scratch", "reg.example/scratch:latest"),
    ],
)
def test_a_base_is_told_with_its_registry(text: str, told: str | None) -> None:
    """As whoever reads it may have another default; and nothing is no base."""
    labels = stamp(None, epoch=None, version=None, base=Base(name(text)))
    assert labels.get("org.opencontainers.image.base.name") == told


@pytest.mark.parametrize(
    ("commit", "epoch", "seconds"),
    [
        (COMMIT, "1", 1),
        (COMMIT, "0", 0),
        (COMMIT, "", COMMIT.time),
        (COMMIT, None, COMMIT.time),
        (None, None, 0),
        (None, str(YEAR_9999), YEAR_9999),
        (Commit("a" * 40, YEAR_9999 + 1), None, 0),
    ],
)
def test_an_image_is_as_old_as_its_commit(
    commit: Commit | None, epoch: str | None, seconds: int
) -> None:
    """Unless SOURCE_DATE_EPOCH says otherwise; never as old as the moment."""
    assert created_at(commit, epoch) == seconds


def test_the_last_second_has_a_name() -> None:
    """So no epoch that is taken can fail later."""
    labels = stamp(None, epoch=str(YEAR_9999), version=None, base=base())
    assert labels["org.opencontainers.image.created"] == "9999-12-31T23:59:59Z"


@pytest.mark.parametrize(
    "epoch", ["x", "-1", "1.5", " 1", "1\n", "1e3", "٣", str(YEAR_9999 + 1), "9" * 5000]
)
def test_an_epoch_that_is_no_number_of_seconds_is_refused(epoch: str) -> None:
    """A time of our own choice would be one that nobody asked for."""
    with pytest.raises(UsageError, match="cannot use SOURCE_DATE_EPOCH=") as caught:
        created_at(COMMIT, epoch)
    assert "no whole number of seconds" in caught.value.causes[0]
