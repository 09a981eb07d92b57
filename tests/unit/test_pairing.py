"""Which places of code go with which work pools."""

from __future__ import annotations

from typing import Any

import pytest

from imagebuild.errors import UsageError
from imagebuild.pairing import fitted, packages_for
from imagebuild.plan import version_made_of
from imagebuild.record import SET_DIRECTORY, Pulled
from imagebuild.state import Pool

LOCAL = Pulled(({SET_DIRECTORY: {"directory": "/srv/code/etl"}},), folder="/srv/code/etl")
REMOTE = Pulled(({"prefect.deployments.steps.git_clone": {}},), libraries=("s3fs", "gcsfs"))
PROCESS = Pool("process", "process", {})
DOCKER = Pool("docker", "docker", {"image": {}, "volumes": {}})
MANAGED = Pool("managed", "prefect:managed", {"image": {}})
POOLS = [PROCESS, DOCKER, MANAGED]


@pytest.mark.parametrize("pool", POOLS, ids=lambda pool: pool.name)
def test_what_is_reached_from_anywhere_goes_with_every_pool(pool: Pool) -> None:
    """As it is."""
    assert fitted(REMOTE, pool, {}) == REMOTE


def test_a_process_sees_the_folder() -> None:
    """On this machine."""
    assert fitted(LOCAL, PROCESS, {}) == LOCAL


@pytest.mark.parametrize(
    ("volumes", "directory"),
    [
        (["/srv/code:/code"], "/code/etl"),
        (["/data:/data", "/srv/code/etl:/app:ro"], "/app"),
        (["/:/host"], "/host/srv/code/etl"),
    ],
)
def test_a_container_sees_the_folder_where_it_is_mounted(
    volumes: list[str], directory: str
) -> None:
    """By the container's own path."""
    steps = fitted(LOCAL, DOCKER, {"volumes": volumes}).steps

    assert steps == ({SET_DIRECTORY: {"directory": directory}},)


@pytest.mark.parametrize("volumes", [None, [], ["/srv/codes:/code"], ["named:/code"], ["/srv"]])
@pytest.mark.parametrize("pool", [DOCKER, MANAGED], ids=lambda pool: pool.name)
def test_a_folder_that_runs_do_not_see_is_refused_with_what_would_work(
    pool: Pool, volumes: list[str] | None
) -> None:
    """Before anything is done."""
    with pytest.raises(UsageError, match="do not see the folder /srv/code/etl") as caught:
        fitted(LOCAL, pool, {"volumes": volumes})

    assert ("--code baked" in str(caught.value.hint)) == pool.accepts_image
    assert "--source URL" in str(caught.value.hint)
    assert ("--job-variable" in str(caught.value.hint)) == (pool is DOCKER)


@pytest.mark.parametrize(
    ("pool", "variables", "expected"),
    [
        (MANAGED, {}, {"env.EXTRA_PIP_PACKAGES": "s3fs gcsfs"}),
        (MANAGED, {"env.EXTRA_PIP_PACKAGES": "mine"}, {}),
        (MANAGED, {"env": {"EXTRA_PIP_PACKAGES": "mine"}}, {}),
        (MANAGED, {"env": {"OTHER": "1"}}, {"env.EXTRA_PIP_PACKAGES": "s3fs gcsfs"}),
        (PROCESS, {}, {}),
    ],
)
def test_libraries_are_installed_at_the_start_where_no_image_of_ours_has_them(
    pool: Pool, variables: dict[str, Any], expected: dict[str, Any]
) -> None:
    """Unless the user says which."""
    assert packages_for(REMOTE, pool, variables) == expected


def test_the_version_tells_the_image_and_the_code() -> None:
    """Each changes it."""
    versions = {version_made_of(image, tree) for image in ("a", "b") for tree in ("c", "d")}

    assert len(versions) == 4


@pytest.mark.parametrize("volumes", [3, "/srv/code:/code", {"/srv/code": "/code"}])
def test_volumes_that_are_no_list_are_told(volumes: Any) -> None:
    """Of a text, each letter would be one."""
    with pytest.raises(UsageError, match="cannot use the job variable volumes=") as caught:
        fitted(LOCAL, DOCKER, {"volumes": volumes})
    assert 'volumes=["/srv/code/etl:/code"]' in str(caught.value.hint)
