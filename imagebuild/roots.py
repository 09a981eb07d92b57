"""Finds the project root, and its name: what Prefect's own file says comes first.

https://docs.prefect.io/v3/how-to-guides/deployments/prefect-yaml
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imagebuild.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

PREFECT_FILE = "prefect.yaml"


def find_root(here: Path) -> Path:
    """The nearest folder with a prefect.yaml, from `here` up to the repository's; else `here`."""
    for folder in (here, *here.parents):
        if (folder / PREFECT_FILE).is_file():
            return folder
        if (folder / ".git").exists():
            break
    return here


def name_of(root: Path) -> str:
    """The project's name: that in its prefect.yaml, else the folder's own.

    Raises `UsageError` for a file that cannot be read, and for a name that no folder can have.
    """
    name = _read(root / PREFECT_FILE).get("name") or root.name
    if not isinstance(name, str) or name in {".", ".."} or "/" in name:
        message = f"cannot use the name {name!r} in {PREFECT_FILE}"
        raise UsageError(message, hint="write a name that a folder can have, or give --directory")
    return name


def pull_sections(root: Path) -> list[Any]:
    """The pull section of each deployment in the prefect.yaml, its own or the file's.

    None for one without, of which Prefect makes up its mind itself.
    """
    found = _read(root / PREFECT_FILE)
    deployments = found.get("deployments")
    shared = found.get("pull") or None
    return [
        shared if each.get("pull") is None else each["pull"]
        for each in (deployments if isinstance(deployments, list) else ())
        if isinstance(each, dict)
    ]


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    import yaml

    try:
        found = yaml.safe_load(path.read_bytes())
    except (OSError, yaml.YAMLError) as error:
        message = f"cannot read {path}"
        raise UsageError(message, causes=(" ".join(str(error).split()),)) from error
    return found if isinstance(found, dict) else {}
