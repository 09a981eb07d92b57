"""Who cannot have a fresh engine is told why."""

from __future__ import annotations

import pytest

from tests.support import SetupError, fresh_engine


@pytest.mark.parametrize(
    ("user", "programs", "expected"),
    [
        (0, {"dockerd", "containerd"}, ""),
        (0, {"containerd"}, "dockerd cannot be found here"),
        (0, set(), "containerd and dockerd cannot be found here"),
        (1000, {"dockerd", "containerd"}, "only root can start an engine of its own"),
    ],
)
def test_root_and_the_programs_are_needed(
    user: int, programs: set[str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a laptop with Docker Desktop, whose engine is in a machine of its own."""
    monkeypatch.setattr("os.geteuid", lambda: user)
    monkeypatch.setattr("shutil.which", lambda name, **_: name if name in programs else None)

    assert fresh_engine.missing() == expected


def test_without_them_the_user_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is made."""
    monkeypatch.setattr("os.geteuid", lambda: 1000)

    with pytest.raises(SetupError, match="only root"), fresh_engine.fresh_engine():
        pass
