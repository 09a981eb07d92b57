"""What a Dockerfile adds to its environment: data, or something that has to run."""

from __future__ import annotations

import pytest

from imagebuild.dockerfile import CodePart, NotData, bare_directory, code_part, environment_reads

HEAD = "FROM base AS environment\nRUN pip install x\nFROM environment\n"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("COPY . .", CodePart(".")),
        ('COPY ["./", "/opt/app/"]', CodePart("/opt/app/")),
        ('COPY ["./", "/opt/my app"]', CodePart("/opt/my app")),
        ("ARG X\nCOPY . /app\nWORKDIR /app", CodePart("/app", directory="/app")),
        ("WORKDIR /a\nWORKDIR b\nCOPY . .", CodePart("/a/b/.", directory="/a/b")),
        ("COPY . .\nENV A=\"b c\" D='e' F=g", CodePart(".", env={"A": "b c", "D": "e", "F": "g"})),
        ('COPY . .\nENV A="it\'s" B="x\'\'y"', CodePart(".", env={"A": "it's", "B": "x''y"})),
        ("COPY . .\nENV A b c", CodePart(".", env={"A": "b c"})),
        ('COPY . .\nENV A="x\\"y\\$z\\\\"', CodePart(".", env={"A": 'x"y$z\\'})),
        ('copy . .\nlabel a=b "c d"=e', CodePart(".", labels={"a": "b", "c d": "e"})),
        ("# a comment\nCOPY \\\n  . \\\n  .", CodePart(".")),
        ("ENV A=b", CodePart(env={"A": "b"})),
    ],
)
def test_files_variables_and_labels_are_data(text: str, part: CodePart) -> None:
    """Whoever has the environment can add them."""
    assert code_part(HEAD + text) == part


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("COPY . .\nRUN id", "line 5: RUN needs a builder"),
        ("COPY . .\nUSER app", "line 5: USER needs a builder"),
        ("COPY . .\nCMD x", "line 5: CMD needs a builder"),
        ("COPY src .", "line 4: COPY of anything but the whole"),
        ("COPY --chown=1 . .", "line 4: COPY of anything but the whole"),
        ("COPY --from=environment . .", "line 4: COPY of anything but the whole"),
        ("COPY . $HOME", "the value of HOME is the builder's to say"),
        ("COPY . ${X:-y}", "the value of X is the builder's to say"),
        ("COPY . .\nENV A=$B", "the value of B is the builder's to say"),
        ('COPY . .\nENV A="b\\nc"', "is the builder's to say"),
        ("COPY . .\nCOPY . .", "by more than one COPY of the whole build context"),
        ("COPY . .\nENV A", "line 5: it cannot be read"),
        ("COPY .", "line 4: it cannot be read"),
    ],
)
def test_what_has_to_run_or_to_be_chosen_is_a_builders(text: str, why: str) -> None:
    """And the message says which line it is."""
    with pytest.raises(NotData) as caught:
        code_part(HEAD + text)

    assert why in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "FROM base\nCOPY . .",
        "FROM base AS environment\nFROM base\nCOPY . .",
        "FROM base AS other\nFROM other\nCOPY . .",
        "FROM base AS other\nFROM environment\nCOPY . .",
        "FROM base AS environment\nFROM environment AS more\nCOPY . .",
        "FROM base AS environment\nCOPY . .",
        "RUN <<EOF\nno end",
    ],
)
def test_without_a_stage_named_environment_nothing_can_be_added(text: str) -> None:
    """Nobody could know where the code begins."""
    with pytest.raises(NotData):
        code_part(text)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("RUN id", ()),
        ("COPY requirements.txt /x/\nCOPY requirements.txt /y/", ("requirements.txt",)),
        ('COPY ["a b", "lib/", "/x/"]\nADD c /x/', ("a b", "lib/", "c")),
        ("COPY ./a/../b /x", ("b",)),
        ("COPY . /x", ("./",)),
        ("COPY --from=other /a /b", ()),
        ("RUN --mount=type=cache,target=/c x", ()),
        ("RUN --mount=type=bind,from=other,target=/c x", ()),
        ("RUN --mount=type=secret,id=a x", ()),
    ],
)
def test_the_environment_is_made_from_what_its_stages_read(
    text: str, read: tuple[str, ...]
) -> None:
    """So that its key can cover just that."""
    assert environment_reads(f"FROM base AS environment\n{text}\nFROM environment\n") == read


@pytest.mark.parametrize(
    "text",
    [
        "COPY *.txt /x/",
        "COPY $FILES /x/",
        "ADD https://example.com/x /x",
        "ADD git@example.com:x /x",
        "RUN --mount=type=bind,target=/c x",
        "RUN --mount=target=/c x",
        "COPY <<EOF /x\nhello\nEOF",
        "ONBUILD COPY . .",
    ],
)
def test_what_nobody_can_foresee_has_no_key(text: str) -> None:
    """Then a builder builds the whole image, as before."""
    with pytest.raises(NotData):
        environment_reads(f"FROM base AS environment\n{text}\nFROM environment\n")


@pytest.mark.parametrize(
    ("text", "directory"),
    [
        ("FROM base@sha AS environment\nWORKDIR /opt/app\n", "/opt/app"),
        ("FROM base@sha AS environment\nARG X\nARG Y=1\nWORKDIR /opt\nWORKDIR app/\n", "/opt/app"),
        ('# a comment\nFROM base@sha AS environment\nWORKDIR "/my app"\n', "/my app"),
    ],
)
def test_an_environment_that_is_its_base_has_a_directory_alone(text: str, directory: str) -> None:
    """So nothing has to run for it."""
    assert bare_directory(f"{text}FROM environment\nCOPY . .\n", "base@sha") == directory


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("FROM base@sha AS environment\nRUN id\n", "line 2: RUN needs a builder"),
        ("FROM base@sha AS environment\nCOPY a b\n", "line 2: COPY needs a builder"),
        ("FROM base@sha AS environment\nUSER me\n", "line 2: USER needs a builder"),
        ("FROM base@sha AS environment\nENV A=b\n", "line 2: ENV needs a builder"),
        ("FROM base@sha AS environment\nWORKDIR $A\n", "the value of A is the builder's"),
        ("FROM other AS environment\n", "line 1: the environment is not made from the base itself"),
        ("FROM --platform=x base@sha AS environment\n", "line 1: the environment is not made"),
        ("ARG X\nFROM base@sha AS environment\n", "line 1: the environment is not made"),
        ("FROM x AS y\nFROM base@sha AS environment\n", "line 1: the environment is not made"),
        ("FROM base@sha AS environment\nFROM x AS y\n", "line 2: FROM needs a builder"),
    ],
)
def test_an_environment_that_is_more_than_its_base_is_a_builders(text: str, why: str) -> None:
    """With the line that says so."""
    with pytest.raises(NotData) as caught:
        bare_directory(f"{text}FROM environment\nCOPY . .\n", "base@sha")

    assert why in str(caught.value)
