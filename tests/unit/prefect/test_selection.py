"""Which deployments a name means, against Prefect's own choice."""

from __future__ import annotations

import io
from typing import Any

import pytest

from imagebuild.errors import UsageError
from imagebuild.prefect.file import FileDeployment
from imagebuild.prefect.selection import select

FILE = [
    {"name": "daily", "entrypoint": "flows/reports.py:make_report"},
    {"name": "weekly", "entrypoint": "flows/reports.py:make_report"},
    {"name": "daily", "entrypoint": "flows/cleanup.py:cleanup"},
    {"name": "a.b", "entrypoint": "flows/cleanup.py:cleanup"},
]


def _deployments() -> list[FileDeployment]:
    return [FileDeployment(number, fields) for number, fields in enumerate(FILE, 1)]


def _prefects(names: list[str]) -> list[Any]:
    """What `prefect --no-prompt deploy -n …` chooses of the same."""
    from prefect.cli.deploy._config import _parse_name_from_pattern, _pick_deploy_configs
    from rich.console import Console

    parsed: list[str] = []
    for name in names:
        parsed.extend(_parse_name_from_pattern(FILE, name) if "*" in name else [name])
    console = Console(file=io.StringIO())
    return _pick_deploy_configs(FILE, parsed, console=console, is_interactive=lambda: False)


@pytest.mark.parametrize(
    "names",
    [
        ["weekly"],
        ["make-report/weekly"],
        ["make_report/daily"],
        ["cleanup/daily"],
        ["week*"],
        ["*ly"],
        ["a.b"],
        ["a*"],
        ["weekly", "a.b"],
        ["daily"],
    ],
    ids=" ".join,
)
def test_a_name_means_what_it_means_to_prefect(names: list[str]) -> None:
    """Prefect names one twice where two of its names mean it; nobody wants it twice."""
    mine = [dict(one.fields) for one in select(_deployments(), names, "prefect.yaml")]
    theirs = [one for one in FILE if one in _prefects(names)]

    assert mine == theirs


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        # Prefect takes the flow's part of a pattern for nothing: it finds both of the name.
        (["cleanup/*"], ["daily", "a.b"]),
        (["make*/*"], ["daily", "weekly"]),
        (["*/daily"], ["daily", "daily"]),
        (["*"], ["daily", "weekly", "daily", "a.b"]),
        (["weekly", "week*"], ["weekly"]),
    ],
    ids=str,
)
def test_a_pattern_means_what_it_says(names: list[str], labels: list[str]) -> None:
    """Each deployment once, in the file's order."""
    assert [one.name for one in select(_deployments(), names, "prefect.yaml")] == labels


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("dayly", "did you mean 'daily'?"),
        ("reports/daily", "did you mean 'daily'?"),
        ("nothing like it", "give its ENTRYPOINT"),
        ("axb", "did you mean 'a.b'?"),
    ],
)
def test_a_name_that_means_nothing_is_an_error(name: str, hint: str) -> None:
    """With what there is."""
    with pytest.raises(UsageError, match="has no deployment") as caught:
        select(_deployments(), ["weekly", name], "prefect.yaml")
    assert hint in (caught.value.hint or "")
    assert "weekly  flows/reports.py:make_report" in caught.value.body
