"""A Dockerfile of the user's own: what it builds on, which arguments it reads, and its mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagebuild.dockerfile import parse
from imagebuild.dockerfile.mounts import mounted
from imagebuild.errors import UsageError

PINNED = "a@sha256:" + "0" * 64
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize(
    ("text", "bases", "final"),
    [
        ("FROM a", ("a",), "a"),
        ("from a as b", ("a",), "a"),
        ("\ufeffFROM a\r\nRUN x\r\n", ("a",), "a"),
        (
            "FROM --platform=$BUILDPLATFORM reg.example:5000/a:1 AS b",
            ("reg.example:5000/a:1",),
            "reg.example:5000/a:1",
        ),
        (f"FROM {PINNED}", (PINNED,), PINNED),
        ("FROM scratch", (), None),
        ("FROM scratch AS x\nFROM x", (), None),
        ("FROM a\nFROM b", ("b",), "b"),
        ("FROM a AS x\nFROM x", ("a",), "a"),
        ("FROM a AS x\nFROM X AS y\nFROM Y", ("a",), "a"),
        ("FROM a AS x\nFROM b\nCOPY --from=x / /", ("a", "b"), "b"),
        ("FROM a AS X\nFROM b\nCOPY --chown=1 --from=x / /", ("a", "b"), "b"),
        ("FROM a\nFROM b\nCOPY --from=0 / /", ("a", "b"), "b"),
        ('FROM a\nCOPY --from=b:2 ["x", "y"]', ("a", "b:2"), "a"),
        ("FROM a\nCOPY --from=a / /\nCOPY --from=b / /\nCOPY --from=b / /", ("a", "b"), "a"),
        ("FROM a\nADD --from=b x y", ("a",), "a"),
        ("FROM a\nRUN --mount=type=bind,from=b,target=/x ls", ("a", "b"), "a"),
        ("FROM a\nRUN --mount=from=b --mount=type=cache,target=/c,from=c ls", ("a", "b", "c"), "a"),
        ('FROM a\nRUN --mount="type=bind,from=b" ls', ("a", "b"), "a"),
        ("FROM a\nRUN --mount=type=secret,id=x ls --mount=from=b", ("a",), "a"),
        (
            "FROM a AS x\nFROM b AS y\nCOPY --from=x / /\nFROM c\nCOPY --from=y / /",
            ("a", "b", "c"),
            "c",
        ),
        ("FROM a AS b\nFROM b\nCOPY --from=c / /", ("a", "c"), "a"),
        ("FROM a\nCOPY --from=b / /\nFROM c", ("c",), "c"),
        ("FROM a AS c\nFROM b AS c\nFROM c", ("b",), "b"),
        ("FROM a\nONBUILD COPY --from=b / /", ("a",), "a"),
        ("FROM a\nRUN echo FROM b\n#FROM c\n  # FROM d", ("a",), "a"),
    ],
)
def test_the_images_that_the_last_stage_needs_are_its_bases(
    text: str, bases: tuple[str, ...], final: str | None
) -> None:
    """By itself and through other stages; a stage that it does not need is not built."""
    found = parse(text, {})

    assert (found.bases, found.final) == (bases, final)


@pytest.mark.parametrize(
    ("text", "build_args", "base"),
    [
        ("ARG V=3\nFROM a:$V", {}, "a:3"),
        ("ARG V=3\nFROM a:${V}", {"V": "4"}, "a:4"),
        ("ARG V\nFROM a:$V", {"V": "4"}, "a:4"),
        ("ARG V=3 N='a'\nFROM $N:${V}-slim", {}, "a:3-slim"),
        ('ARG V="3"\nARG T=${V}-slim\nFROM a:$T', {}, "a:3-slim"),
        ("ARG R\nFROM ${R}a", {}, "a"),
        ("FROM a${R}", {"R": "undeclared"}, "a"),
        ("FROM a:${V:-1}", {}, "a:1"),
        ("ARG V=\nFROM a:${V:-1}", {}, "a:1"),
        ("ARG V=\nFROM a${V-:1}", {}, "a"),
        ("ARG V=2\nFROM a:${V:-1}", {}, "a:2"),
        ("ARG V=2\nARG W=3\nFROM a:${X:-${V:+$W}}", {}, "a:3"),
        ("ARG V\nFROM a${V:+:slim}", {}, "a"),
        ("ARG V\nFROM a${V:+:slim}", {"V": "x"}, "a:slim"),
        ("ARG V\nFROM a${V+:slim}", {"V": ""}, "a:slim"),
        ("ARG V=2\nFROM a:${V:?needed}", {}, "a:2"),
        ('FROM "a:1"', {}, "a:1"),
        ("FROM a-${TARGETARCH}", {"TARGETARCH": "arm64"}, "a-arm64"),
        ("ARG V=1\nFROM b\nARG V=2\nFROM a:$V", {}, "a:1"),
        ("ARG B=x\nFROM a AS x\nFROM $B", {}, "a"),
    ],
)
def test_arguments_before_the_first_stage_are_expanded(
    text: str, build_args: dict[str, str], base: str
) -> None:
    """With what was given for them, else by their defaults, else as nothing."""
    assert parse(text, build_args).final == base


@pytest.mark.parametrize(
    "text",
    [
        "FROM \\\n  a\n",
        "FROM \\  \n  a\n",
        "FROM \\\n# a comment\n\n  a\n",
        "\\\nFROM a",
        "# escape=`\nFROM `\n  a\nRUN dir C:\\\nRUN x",
        "# syntax=docker/dockerfile:1\n#  ESCAPE = `\nFROM `\n  a",
        "# a comment\n# escape=`\nFROM \\\n  a",
        "\n# escape=`\nFROM \\\n  a",
        "FROM a\nRUN x \\\\\nCMD y",
        "FROM a\nRUN <<EOF\nFROM b\nEOF",
        "FROM a\nRUN <<EOF bash\nFROM b\n EOF\nEOF",
        "FROM a\nRUN <<'EOF'\nFROM b\nEOF",
        'FROM a\nRUN <<-"E F"\nFROM b\n\tE F',
        "FROM a\nRUN cat << EOF\nFROM b\nEOF",
        "FROM a\nCOPY <<A <<B /x/\nFROM b\nA\nFROM c\nB",
        "FROM a\nONBUILD RUN <<EOF\nFROM b\nEOF",
        "FROM a\nRUN 3<<EOF cat\r\nFROM b\r\nEOF\r\n",
        'FROM a\nRUN ["sh", "-c", "x <<EOF"]\nRUN x',
        'FROM a\nRUN echo "x <<EOF y"\nRUN x',
        "FROM a\nRUN cat <<<EOF\nRUN echo $((1<<3)) $(( 1 << 3 ))\nRUN x",
        "FROM a\nRUN echo it's <<EOF\nRUN x",
        "FROM a\nCMD cat <<EOF\nRUN x",
    ],
)
def test_lines_are_joined_and_left_out_as_a_builder_does(text: str) -> None:
    """Continuations, comments in them, directives, here-documents."""
    assert parse(text, {}).bases == ("a",)


@pytest.mark.parametrize(
    ("text", "declared"),
    [
        ("FROM a", set()),
        ("ARG A=1\nFROM a\nARG B C='x y' D=\\\n2", {"A", "B", "C", "D"}),
        ("FROM a\nARG X\nFROM b", {"X"}),
    ],
)
def test_arguments_that_something_reads_are_told(text: str, declared: set[str]) -> None:
    """And those that every builder knows."""
    always = parse("FROM a", {}).args

    assert parse(text, {}).args == always | declared
    assert {"http_proxy", "NO_PROXY", "BUILDKIT_INLINE_CACHE"} <= always
    assert "TARGETARCH" not in always


@pytest.mark.parametrize(
    ("text", "line", "cause"),
    [
        ("FROM", 1, "FROM takes an image, and perhaps AS and a name"),
        ("FROM a b", 1, "FROM takes an image, and perhaps AS and a name"),
        ("\nFROM a of b", 2, "FROM takes an image, and perhaps AS and a name"),
        ("# x\n\nFROM \\\n  UPPER", 3, "UPPER names no image: 'UPPER' is not an image name: "),
        ("FROM $V", 1, "$V names no image: '' is not an image name: it is empty"),
        ("FROM a:${V}", 1, "a:${V} names no image: 'a:' is not an image name: "),
        ("FROM ${V:?which}", 1, "${V:?which} cannot be expanded: V: which"),
        ("FROM ${V", 1, "${V cannot be expanded: ${V "),
        ("FROM ${V:", 1, "${V: cannot be expanded: "),
        ("FROM ${V#x}", 1, "${V#x} cannot be expanded: "),
        ("FROM a$", 1, "a$ cannot be expanded: $ is no variable"),
        ("FROM a--$TARGETARCH", 1, "a--$TARGETARCH cannot be expanded: only the builder knows"),
        ("FROM a\n\nCOPY --from=$X / /", 3, "no variable is expanded in from=$X"),
        ("FROM a\nCOPY --from=0 / /", 2, "there is no stage 0 before its own"),
        ("FROM a\nRUN --mount=from=B:x:y ls", 2, "from=B:x:y names no image: "),
        ("RUN x", 1, "RUN stands before the first FROM"),
        ("# escape=x\nFROM a", 1, "x is no escape character"),
        (
            "FROM a\nRUN x\nRUN \\\n <<EOF\nx\n EOF",
            3,
            "its here-document has no end: no line is EOF",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, line: int, cause: str) -> None:
    """The first of an instruction that has several."""
    with pytest.raises(UsageError) as caught:
        parse(text, {}, "docker/my.Dockerfile")

    assert caught.value.message == f"cannot build with docker/my.Dockerfile, line {line}"
    assert caught.value.causes[0].startswith(cause)


@pytest.mark.parametrize("text", ["", "\n# FROM a\n", "ARG X"])
def test_a_file_without_a_stage_is_refused(text: str) -> None:
    """There is nothing to build."""
    with pytest.raises(UsageError, match="cannot build with Dockerfile"):
        parse(text, {})


@pytest.mark.parametrize("path", sorted(EXAMPLES.rglob("Dockerfile")), ids=str)
def test_the_examples_are_read(path: Path) -> None:
    """Each builds on Prefect's image."""
    assert parse(path.read_text(), {}).final == "prefecthq/prefect:3-latest"


@pytest.mark.parametrize(
    ("line", "secrets", "agents"),
    [
        ("RUN --mount=type=secret,id=a --mount=type=secret,id=b,target=/x cmd", {"a", "b"}, set()),
        ("RUN --mount=type=secret,target=/root/.netrc cmd", {".netrc"}, set()),
        ('RUN --mount="type=secret,dst=/x/y" cmd', {"y"}, set()),
        ("RUN --mount=type=ssh cmd\nRUN --mount=id=git,type=ssh cmd", set(), {"default", "git"}),
        ("RUN --mount=type=cache,id=a,target=/x cmd", set(), set()),
        ("RUN echo --mount=type=secret,id=a", set(), set()),
        ("# RUN --mount=type=secret,id=a cmd", set(), set()),
        ("RUN --network=none \\\n  --mount=type=secret,id=a \\\n  cmd", {"a"}, set()),
    ],
)
def test_what_the_steps_mount_is_told(line: str, secrets: set[str], agents: set[str]) -> None:
    """By its id, which a mount may leave to its target."""
    text = f"FROM base\n{line}\n"
    assert mounted(text, "secret") == secrets
    assert mounted(text, "ssh") == agents
