"""What GitHub Actions takes: outputs of a step, its summary, annotations. Pure.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagebuild.cli.text import duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imagebuild.outcome import Outcome

OUTPUT, SUMMARY = "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"


def runs(env: Mapping[str, str]) -> bool:
    """Whether this is one of its runners."""
    return env.get("GITHUB_ACTIONS") == "true"


def outputs(outcome: Outcome) -> str:
    """Lines for the file of a step's outputs: `image`, `digest` and `reference`.

    `digest` is empty where no registry has the image. None of the values can hold a line end, as
    none is possible in an image's name.
    """
    values = {
        "image": next(iter(outcome.names), ""),
        "digest": outcome.digest or "",
        "reference": outcome.reference or "",
    }
    return "".join(f"{name}={value}\n" for name, value in values.items())


def summary(outcome: Outcome) -> str:
    """A table in GitHub's Markdown, for the page of the run."""
    title = outcome.recorded_deployment or next(iter(outcome.names), "")
    rows = [f"| {name} | {value} |" for name, value in _rows(outcome)]
    return "\n".join([f"### imagebuild: {_text(title)}", "", "| | |", "|---|---|", *rows, "", ""])


def annotation(message: str, details: str) -> str:
    """An error as a line that GitHub shows beside the run.

    https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts
    """
    return f"::error title={_property(message)}::{_data(details or message)}"


def _rows(outcome: Outcome) -> Iterator[tuple[str, str]]:
    if outcome.names:
        yield "image", ", ".join(map(_code, outcome.names))
    if outcome.digest:
        yield "digest", _code(outcome.digest)
    if outcome.reference:
        yield "reference", _code(outcome.reference)
    if deployment := outcome.recorded_deployment:
        yield "deployment", _text(deployment)
    if deployment and outcome.pool:
        yield "work pool", _text(outcome.pool)
    did = {"built": outcome.built, "pushed": outcome.pushed, "recorded": outcome.recorded}
    told = {
        word: "yes" if done else "nothing changed" for word, done in did.items() if done is not None
    }
    yield from told.items()
    yield "time", duration(sum(outcome.seconds.values()))


def _code(text: str) -> str:
    """An image's name or a digest, in which no character means anything to Markdown."""
    return f"`{text}`"


def _text(text: str) -> str:
    """Whatever somebody called something, shown as it is and in one cell of a table."""
    line = " ".join(text.split())
    escaped = "".join(f"\\{char}" if char in r"\`*_{}[]()#+-.!|~" else char for char in line)
    return (
        escaped.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("@", "&#64;")
    )


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
