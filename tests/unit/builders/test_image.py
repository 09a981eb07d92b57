"""How long a push waits before it is tried again."""

from __future__ import annotations

import pytest

from imagebuild.builders.image import _wait

# What a registry says, and the seconds that are waited after the first try.
SAYS = {
    "503 Service Unavailable": (0.5, 0.75),
    "toomanyrequests: retry-after: 287.8µs, allowed: 44000/minute": (0.5, 0.75),
    "toomanyrequests: retry-after: 10.305464ms, allowed: 2000/minute": (0.5, 0.75),
    "toomanyrequests: retry-after: 2.5s, allowed: 2000/minute": (2.5, 2.5),
    "toomanyrequests: Retry-After: 12": (12, 12),
    "slow down, retry after 30 seconds": (30, 30),
    "retry-after: 0m31.5s": (31.5, 31.5),
    "retry-after: 1h0m0s": (60, 60),
    "retry-after: soon": (0.5, 0.75),
}


@pytest.mark.parametrize(("cause", "seconds"), SAYS.items(), ids=SAYS)
def test_a_registry_gets_the_time_that_it_asks_for(
    cause: str, seconds: tuple[float, float]
) -> None:
    """Never less than our own, never more than a minute."""
    least, most = seconds
    assert least <= _wait(1, cause) <= most


def test_each_wait_is_longer_than_the_one_before() -> None:
    """Twice as long, and up to a half more."""
    assert [_wait(attempt, "") >= 0.5 * 2 ** (attempt - 1) for attempt in range(1, 5)] == [True] * 4
