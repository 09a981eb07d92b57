"""A dotenv report, by which GitLab sets variables of the jobs that come later. Pure.

https://docs.gitlab.com/ci/yaml/artifacts_reports/#artifactsreportsdotenv
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imagebuild.outcome import Outcome


def variables(outcome: Outcome) -> str:
    """`IMAGE`, `IMAGE_DIGEST` (where a registry has it) and `IMAGE_REFERENCE`, one a line.

    GitLab takes neither blanks nor empty lines, and none of the values can have any.
    """
    values = {
        "IMAGE": next(iter(outcome.names), None),
        "IMAGE_DIGEST": outcome.digest,
        "IMAGE_REFERENCE": outcome.reference,
    }
    return "".join(f"{name}={value}\n" for name, value in values.items() if value)
