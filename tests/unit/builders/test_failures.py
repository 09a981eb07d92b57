"""What engines say when a build fails, and what a person is told."""

from __future__ import annotations

import pytest

from imagebuild.builders.failures import failure, refused_by_registry
from imagebuild.builders.recipe import Dockerfile
from imagebuild.errors import BuildFailed, Denied, ImagebuildError, Unreachable

DOCKERFILE = Dockerfile("FROM x\nRUN a; \\\n  b\nCOPY none /x\n")
SOLVE = "failed to solve with frontend dockerfile.v0: failed to create LLB definition: "
EXCLUDED = "file not found in build context or excluded by .dockerignore"
RUN = "[stage-0 2/3] RUN a;   b"
COPY = "[3/3] COPY none /x"


@pytest.mark.parametrize(
    ("message", "step", "told", "cause"),
    [
        (
            "executor failed running [/bin/sh -c a; b]: exit code: 1",
            RUN,
            "the build failed at [2/3] RUN a; b",
            "Dockerfile line 2: the command ended with exit code: 1",
        ),
        (
            'process "/bin/sh -c a; b" did not complete successfully: exit code: 127',
            RUN,
            "the build failed at [2/3] RUN a; b",
            "Dockerfile line 2: the command ended with exit code: 127",
        ),
        (
            "The command '/bin/sh -c a; b' returned a non-zero code: 3",
            "[2/3] RUN other",
            "the build failed at [2/3] RUN other",
            "the command ended with exit code: 3",
        ),
        (
            "Dockerfile:7\n--------------------\nprocess did not complete: exit code: 2",
            "[2/3] RUN other",
            "the build failed at [2/3] RUN other",
            "Dockerfile line 7: the command ended with exit code: 2",
        ),
        (
            'failed to compute cache key: "/none" not found: not found',
            COPY,
            "the build failed at [3/3] COPY none /x",
            "Dockerfile line 4: none is not in the build context",
        ),
        (
            'failed to calculate checksum of ref m::n: "/none": not found',
            COPY,
            "the build failed at [3/3] COPY none /x",
            "Dockerfile line 4: none is not in the build context",
        ),
        (
            f"COPY failed: {EXCLUDED}: stat none: file does not exist",
            COPY,
            "the build failed at [3/3] COPY none /x",
            "Dockerfile line 4: none is not in the build context",
        ),
        (
            f"{SOLVE}dockerfile parse error line 2: unknown instruction: FOO",
            None,
            "the build failed",
            "Dockerfile line 2: unknown instruction: FOO",
        ),
        (
            "failed to solve: dockerfile parse error on line 9: unknown instruction: FOO",
            None,
            "the build failed",
            "Dockerfile line 9: unknown instruction: FOO",
        ),
        ("disk is full", None, "the build failed", "disk is full"),
        (f"{SOLVE}", None, "the build failed", SOLVE),
        ("rpc error: code = Unknown desc = gone", RUN, "", "Dockerfile line 2: gone"),
    ],
)
def test_a_failed_step_is_named_with_its_line_and_its_cause(
    message: str, step: str | None, told: str, cause: str
) -> None:
    """In the words of a person, not of the engine's layers."""
    error = failure(message, DOCKERFILE, step=step)

    assert type(error) is BuildFailed
    assert told in error.message
    assert error.causes == (cause,)


def test_the_last_lines_are_the_body() -> None:
    """Twenty at most."""
    error = failure("exit code: 1", DOCKERFILE, step=RUN, log=[str(line) for line in range(30)])

    assert error.body == tuple(str(line) for line in range(10, 30))


@pytest.mark.parametrize(
    ("message", "refused", "log", "hint"),
    [
        ("secret tok not found: not found", ("no secret 'tok' was given",), (), "--secret id=tok,"),
        ("exit code: 1", ("no secret 'tok' was given",), (), "--secret id=tok,src=FILE"),
        ("rpc error: code = NotFound desc = no ssh agent 's' was given", (), (), "--ssh s"),
        ("exit code: 1", (), ("exec /bin/sh: exec format error",), "tonistiigi/binfmt"),
        ("exec user process caused: exec format error", (), (), "the engine's own platform"),
        ('failed to compute cache key: "/a" not found: not found', (), (), ".dockerignore"),
        ("exit code: 1", (), (), None),
    ],
)
def test_a_hint_says_what_to_do(
    message: str, refused: tuple[str, ...], log: tuple[str, ...], hint: str | None
) -> None:
    """And what the engine asked for in vain is a cause, even where a step failed by itself."""
    error = failure(message, DOCKERFILE, step=RUN, log=log, refused=refused)

    assert error.causes[1:] == refused
    assert (hint in (error.hint or "")) if hint else error.hint is None


@pytest.mark.parametrize(
    "step",
    [
        "[internal] load metadata for reg.example/team/base:1",
        "[1/4] FROM reg.example/team/base:1",
        "[build 1/4] FROM --platform=linux/amd64 reg.example/team/base:1 AS build",
        "FROM reg.example/team/base:1",
    ],
)
@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("failed to do request: dial tcp 127.0.0.1:1: connect: connection refused", Unreachable),
        ("pull access denied, repository does not exist", Denied),
        ("reg.example/team/base:1: not found", BuildFailed),
        ("manifest unknown", BuildFailed),
    ],
)
def test_a_base_that_cannot_be_had_is_told_by_its_name(
    step: str, words: str, kind: type[ImagebuildError]
) -> None:
    """A registry that is down, one that refuses, and one that does not have it."""
    error = failure(SOLVE + words, DOCKERFILE, step=step)

    assert isinstance(error, kind)
    assert error.message == "cannot get the base image reg.example/team/base:1"
    assert error.causes == (words,)
    assert error.hint


def test_a_stage_to_copy_from_can_be_an_image() -> None:
    """As the classic builder says it."""
    words = 'invalid from flag value reg.example/tools:1: Get "http://x": connection refused'
    error = failure(words, DOCKERFILE, step=COPY)

    assert isinstance(error, Unreachable)
    assert error.message == "cannot get the base image reg.example/tools:1"


@pytest.mark.parametrize(
    ("step", "message", "hint"),
    [
        ("[internal] load metadata for reg.example/b:1", "cannot get the base", "reg.example"),
        (None, "a registry refused", "docker login"),
        ("[2/3] RUN x", "a registry refused", "docker login"),
    ],
)
def test_a_registry_that_refuses_says_where_to_log_in(
    step: str | None, message: str, hint: str
) -> None:
    """With the registry's name where the step tells it."""
    error = refused_by_registry("401 Unauthorized", step)

    assert isinstance(error, Denied)
    assert error.message.startswith(message)
    assert hint in (error.hint or "")
