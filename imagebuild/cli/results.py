"""What became of several deployments: for a person as a table, for a program as a document."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Any

import click

from imagebuild.cli.ci import tell_outcomes
from imagebuild.cli.errors import error_document, error_lines
from imagebuild.cli.handing import hand_on
from imagebuild.cli.plain import PREFECTS_OWN, done, quoted
from imagebuild.cli.text import clean, print_json
from imagebuild.errors import ImagebuildError, NotRecorded
from imagebuild.handing import document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from imagebuild.cli.output import Output
    from imagebuild.cli.tally import Tally
    from imagebuild.results import Result

_MARGIN = 2


def report(
    results: Sequence[Result], shown: Output, tally: Tally, options: Mapping[str, Any]
) -> None:
    """Sum up for the person, answer on stdout (each image's reference once, or JSON), hand on.

    The document of a single deployment is what it is without a file.
    """
    outcomes = [result.outcome for result in results if result.outcome]
    if len(results) == 1:
        for outcome in outcomes:
            shown.summary(outcome, tally)
    else:
        shown.table(rows(results), tuple(_next(results)))
        for line in _errors(results):
            click.echo(line, err=True)
    counts = {"build": tally.document()}
    if len(results) == 1 and outcomes:
        made = {**document(outcomes[0]), **counts}
    else:
        made = {"deployments": [_document(one) for one in results], **counts}
    if options["json"]:
        print_json(made)
    else:
        for reference in dict.fromkeys(outcome.reference for outcome in outcomes):
            if reference is not None:
                click.echo(reference)
    tell_outcomes(outcomes, os.environ)
    hand_on(outcomes, made, options)
    click.get_current_context().find_root().obj.answered()


def verdict(results: Sequence[Result], were: str = "were not") -> ImagebuildError | None:
    """What the failures come to; None where there are none.

    That of the only deployment is itself. Where all failed alike, the exit code is theirs; else it
    says that not all was recorded.
    """
    errors = [result.error for result in results if result.error]
    if not errors:
        return None
    if len(results) == 1:
        return errors[0]
    alike = len(errors) == len(results) and len({error.exit_code for error in errors}) == 1
    kind = type(errors[0]) if alike else NotRecorded
    if alike:
        message = f"all {len(results)} deployments {were} recorded"
    else:
        message = f"{len(errors)} of {len(results)} deployments {were} recorded"
    return kind(message, causes=tuple(dict.fromkeys(error.message for error in errors)))


def rows(results: Sequence[Result]) -> list[tuple[str, str, str, bool]]:
    """A row for each: its name, its image, what was done, and whether all went well."""
    found = []
    for one in results:
        if one.outcome:
            image = one.outcome.reference or PREFECTS_OWN
            found.append((clean(one.label), image, ", ".join(done(one.outcome)), True))
        else:
            why = one.error.message if one.error else ""
            found.append((clean(one.label), "", f"failed: {clean(why)}", False))
    return found


def table_lines(rows: Sequence[tuple[str, str, str, bool]]) -> Iterator[str]:
    """The rows below each other."""
    width = max((len(name) for name, *_ in rows), default=0) + _MARGIN
    for name, image, what, _ in rows:
        yield f"{name:<{width}}{what}"
        if image:
            yield f"{'':<{width}}{image}"


def _next(results: Sequence[Result]) -> Iterator[str]:
    """What to type next."""
    pools = dict.fromkeys(one.outcome.pool for one in results if one.outcome and one.outcome.pool)
    for pool in pools:
        yield f"start a worker: prefect worker start --pool {quoted(pool)}"


def _errors(results: Sequence[Result]) -> Iterator[str]:
    """Each error once, below the deployments that it is of."""
    seen: list[ImagebuildError] = []
    for one in results:
        error = one.error
        if error is None or any(error is other for other in seen):
            continue
        seen.append(error)
        labels = [clean(other.label) for other in results if other.error is error]
        yield f"{', '.join(labels)}:"
        yield from (f"  {line}" for line in error_lines(error))


def _document(result: Result) -> dict[str, Any]:
    if result.outcome:
        return dataclasses.asdict(result.outcome)
    assert result.error is not None
    return {"deployment": result.label, "error": error_document(result.error)}
