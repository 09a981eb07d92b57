"""The project root and its name: what Prefect's own file says comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagebuild.errors import UsageError
from imagebuild.roots import find_root, name_of
from tests.unit.values import write

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("files", "here", "root"),
    [
        ({"flow.py": ""}, ".", "."),
        ({"prefect.yaml": ""}, ".", "."),
        ({"prefect.yaml": "", "flows/a/flow.py": ""}, "flows/a", "."),
        ({"prefect.yaml": "", "flows/prefect.yaml": ""}, "flows", "flows"),
        ({"prefect.yaml": "", "sub/.git/HEAD": "", "sub/a/flow.py": ""}, "sub/a", "sub/a"),
        ({"prefect.yaml": "", "sub/.git/HEAD": ""}, "sub", "sub"),
        ({"prefect.yaml/flow.py": ""}, ".", "."),
    ],
)
def test_the_root_is_that_of_the_nearest_prefect_yaml_in_the_repository(
    tmp_path: Path, files: dict[str, str], here: str, root: str
) -> None:
    """Else the folder that the user stands in."""
    write(tmp_path, files)

    assert find_root(tmp_path / here) == tmp_path / root


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (None, "app"),
        ("", "app"),
        ("name: nightly\n", "nightly"),
        ("name: My Reports\n", "My Reports"),
        ("name:\ndeployments: []\n", "app"),
        ("- a list\n", "app"),
    ],
)
def test_the_name_is_that_in_prefect_yaml(tmp_path: Path, text: str | None, name: str) -> None:
    """Else the folder's."""
    root = write(tmp_path / "app", {} if text is None else {"prefect.yaml": text})
    root.mkdir(exist_ok=True)

    assert name_of(root) == name


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: [1\n", "cannot read"),
        ("name: a/b\n", "cannot use the name 'a/b'"),
        ("name: ..\n", "cannot use the name '..'"),
        ("name: 5\n", "cannot use the name 5"),
        ("name: !!python/object/apply:os.getcwd []\n", "cannot read"),
    ],
)
def test_a_prefect_yaml_that_cannot_be_meant_is_refused(
    tmp_path: Path, text: str, told: str
) -> None:
    """And nothing in it is run."""
    with pytest.raises(UsageError, match=told):
        name_of(write(tmp_path, {"prefect.yaml": text}))
