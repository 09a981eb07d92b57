"""Repositories on this machine that sources are opened on."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagebuild.request import SourceRequest
from imagebuild.sources.git import open_git
from imagebuild.sources.kept import Kept
from tests.unit.test_git import ENV, git
from tests.unit.values import write

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imagebuild.sources.git import GitSource
    from imagebuild.sources.local import LocalCheckout

FILES = {"flow.py": "one\n", "jobs/etl/flow.py": "etl\n", "jobs/web/flow.py": "web\n"}


def made(root: Path) -> Path:
    """A repository whose branches are `trunk`, which is HEAD, and `feature/x`; a tag is `v1.0`."""
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch=trunk")
    git(root, "config", "uploadpack.allowFilter", "true")
    add(root, FILES)
    git(root, "tag", "--annotate", "--message", "first", "v1.0")
    git(root, "checkout", "--quiet", "-b", "feature/x")
    add(root, {"flow.py": "x\n"})
    git(root, "checkout", "--quiet", "trunk")
    add(root, {"flow.py": "two\n"})
    return root


def add(root: Path, files: dict[str, str]) -> str:
    """Commit files; the commit's hash."""
    write(root, files)
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "some")
    return git(root, "rev-parse", "HEAD")


def opened(
    address: str,
    folder: Path | None = None,
    env: Mapping[str, str] | None = None,
    blocks: Mapping[str, Mapping[str, Any]] | None = None,
    **asked: Any,
) -> GitSource:
    """A source at an address, whose checkouts are kept in a folder."""
    return open_git(
        SourceRequest(address, **asked),
        Path("/"),
        Kept(folder),
        ENV | dict(env or {}),
        lambda kind, name: (blocks or {}).get(f"{kind}/{name}"),
    )


@contextmanager
def checked_out(*arguments: Any, **asked: Any) -> Iterator[LocalCheckout]:
    """Its checkout."""
    with opened(*arguments, **asked).checkout() as checkout:
        yield checkout


def files(root: Path) -> dict[str, str]:
    """What lies in a folder, without what git keeps for itself."""
    found = (path for path in sorted(root.rglob("*")) if path.is_file())
    inside = {path.relative_to(root): path for path in found}
    return {
        str(name): path.read_text() for name, path in inside.items() if ".git" not in name.parts
    }
