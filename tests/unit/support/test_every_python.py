"""The unit tests run on every declared Python; which those are, and what a missing one means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import every_python

if TYPE_CHECKING:
    from pathlib import Path


def test_the_classifiers_name_the_versions() -> None:
    """The general ones ("3 :: Only") are not versions."""
    pyproject = (every_python.ROOT / "pyproject.toml").read_text()
    assert every_python.declared(pyproject) == ["3.10", "3.11", "3.12", "3.13"]


def test_an_interpreter_of_pyenv_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Version 3.1 is not mistaken for 3.10."""
    for release in ("3.1.9", "3.10.13"):
        python = tmp_path / "versions" / release / "bin" / f"python{release.rpartition('.')[0]}"
        python.parent.mkdir(parents=True)
        python.touch()
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))

    found = every_python.find("3.1")
    assert found is not None
    assert found.parts[-3] == "3.1.9"


@pytest.mark.parametrize(
    ("outcome", "ci", "fails"),
    [
        ("", "true", False),
        ("failed", "", True),
        ("not found on this machine", "", False),
        ("not found on this machine", "true", True),
    ],
)
def test_a_missing_python_fails_in_ci_and_is_told_elsewhere(
    outcome: str, ci: str, fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Failed tests fail everywhere."""
    monkeypatch.setenv("CI", ci)
    assert every_python.decisive(outcome) is fails
