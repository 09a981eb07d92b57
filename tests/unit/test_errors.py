"""An error's text: whoever shows nothing but that shows all of it."""

from __future__ import annotations

import pytest

from imagebuild.errors import BuildFailed, UsageError


def test_an_error_is_its_prose() -> None:
    """A line each, as they would be read in a traceback."""
    error = BuildFailed(
        "it failed", causes=("one", "two"), hint="do it", body=("printed",), unchanged="all stands"
    )

    assert str(error).splitlines() == [
        "it failed",
        "  | printed",
        "  caused by: one",
        "  caused by: two",
        "  hint: do it",
        "  all stands",
    ]


def test_an_error_without_more_is_its_message() -> None:
    """One line."""
    with pytest.raises(UsageError, match=r"^it cannot be$"):
        raise UsageError("it cannot be")  # noqa: EM101 -- the text is what is tested
