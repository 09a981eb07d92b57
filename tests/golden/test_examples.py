"""The Dockerfile and the plan of every example."""

from __future__ import annotations

import pytest

from tests.golden.agreed import EXAMPLES, agreed, example, names, stdout


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody answer: what is agreed follows from the files alone."""
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_renders_as_it_was_agreed(name: str) -> None:
    """The command's stdout is the golden file, to the byte."""
    shown = stdout("render", "--context", example(name))

    assert shown == agreed("dockerfiles", f"{name}.Dockerfile", shown)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_planned_as_it_was_agreed(name: str) -> None:
    """For a person."""
    shown = stdout("plan", "--context", example(name))

    assert shown == agreed("plans", f"{name}.txt", shown)


@pytest.mark.parametrize("kind", ["dockerfiles", "plans"])
def test_there_is_no_golden_file_without_its_example(kind: str) -> None:
    """What is no longer printed is no longer agreed."""
    assert names(kind) == EXAMPLES
