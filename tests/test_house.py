"""The house keeps its order: floors, doors, sizes, and what no file may say."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from imagebuild import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "imagebuild").rglob("*.py"))

# Imports stay on their floor or go down. A folder stands for all that is in it.
FLOORS = {
    0: "errors names events digest files node parallel entrypoint quoting commit outcome writing"
    " printable web places",
    1: "request state plan record registry_errors platforms handing flow_labels",
    2: "protocols",
    3: "engine buildkit ignore ignore_defaults ignore_habits ignore_regexp flows templates"
    " dependencies planning context walk locating choosing bases survey settings git stamps"
    " versions dockerfile pairing records roots looking modules oci flow_keys",
    4: "sources builders registries recorders",
    5: "stages preparing alone pipeline orders grouping pulling foreseeing results many",
    6: "wiring testing setup",
    7: "cli __main__ __init__ prefect steps",
}
FLOOR = {name: floor for floor, names in FLOORS.items() for name in names.split()}

# Each library enters by one door. `docker`, for one, is imported in engine/ and nowhere else.
DOORS = {
    "docker": "engine",
    "urllib3": "engine buildkit recorders oci",
    "jinja2": "templates",
    "pathspec": "ignore",
    "grpclib": "buildkit",
    "h2": "buildkit",
    "multidict": "buildkit",
    "google": "buildkit",
    "click": "cli",
    "rich": "cli",
    "prefect": "recorders prefect",
    "pydantic": "recorders prefect",
    "httpx": "recorders",
    "typing_extensions": "buildkit cli recorders",
    "certifi": "recorders",
    "packaging": "versions",
    "yaml": "roots prefect",
    "ruamel": "setup",
    "fsspec": "sources",
    "aiohttp": "sources",
    "azure": "sources",
}

LONGEST_MODULE, LONGEST_FUNCTION = 250, 40
# What is longer, and why.
LONG_FUNCTIONS: dict[str, str] = {}


def _room(path: Path) -> str:
    inside = path.relative_to(ROOT / "imagebuild")
    return inside.parts[0].removesuffix(".py")


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    """Every module that a file imports, at its top, in its functions, and for its types."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            if node.module == "imagebuild":
                yield from ((node.lineno, f"imagebuild.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, node.module or ""


def test_every_room_has_its_floor() -> None:
    """A new module says where it belongs."""
    assert {_room(path) for path in MODULES} == set(FLOOR)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_stay_on_their_floor_or_go_down(path: Path) -> None:
    """Values know nothing of those who use them."""
    up = [
        f"line {line}: {name}"
        for line, name in _imports(path)
        if name.startswith("imagebuild.") and FLOOR.get(name.split(".")[1], 0) > FLOOR[_room(path)]
    ]
    assert up == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_library_enters_by_its_door(path: Path) -> None:
    """What is not of Python itself or of this project has a door, and this is it."""
    elsewhere = [
        f"line {line}: {name}"
        for line, name in _imports(path)
        for library in [name.split(".")[0]]
        if library != "imagebuild"
        and (library in DOORS or library not in sys.stdlib_module_names)
        and _room(path) not in DOORS.get(library, "").split()
    ]
    assert elsewhere == []


def test_buildkit_could_stand_alone() -> None:
    """It imports nothing else of this project."""
    others = [
        f"{path.name}: {name}"
        for path in (ROOT / "imagebuild" / "buildkit").rglob("*.py")
        for _, name in _imports(path)
        if name.startswith("imagebuild") and not name.startswith("imagebuild.buildkit")
    ]
    assert others == []


def test_the_registry_client_could_stand_alone() -> None:
    """It rests on values alone, and one folder of urllib3."""
    values = {"oci", *FLOORS[0].split(), "registry_errors", "__version__"}
    others = [
        f"{path.name}: {name}"
        for path in (ROOT / "imagebuild" / "oci").rglob("*.py")
        for _, name in _imports(path)
        if name.startswith("imagebuild.") and name.split(".")[1] not in values
    ]
    assert others == []


def test_nobody_but_the_wiring_asks_who_does_the_work() -> None:
    """No `if builder ==`: a new part is a new file and one line."""
    asks = re.compile(r"\bif\s+(builder|source|registry|recorder)\w*\s*(==|in|is)\s*[\"'(]")
    assert [str(path) for path in MODULES if asks.search(path.read_text())] == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_is_for_and_stays_small(path: Path) -> None:
    """Its first line is a sentence; its functions fit on a screen."""
    text = path.read_text()
    module = ast.parse(text)
    inside = path.relative_to(ROOT / "imagebuild").as_posix()
    long = [
        node.name
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
        and f"{inside}:{node.name}" not in LONG_FUNCTIONS
    ]
    assert ast.get_docstring(module)
    assert long == []
    assert text.count("\n") <= LONGEST_MODULE


def test_the_drawn_tree_of_errors_is_the_real_one() -> None:
    """Names and exit codes, as the head of errors.py draws them."""
    drawn = dict(re.findall(r"^[ │├└─]+(\w+) +(\d+)   ", errors.__doc__ or "", re.MULTILINE))
    real = {
        name: str(kind.exit_code)
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.ImagebuildError)
    }
    assert drawn == real


def test_no_file_names_an_index_a_mirror_or_a_path_of_one_machine() -> None:
    """What is committed works everywhere."""
    told = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    forbidden = re.compile(
        "index" + r"-url|https?://[^ \"]*/" + r"simple|registry = \"http|/(" + r"work|farm)/"
    )
    names = [
        name
        for name in told.stdout.split("\0")
        if name and forbidden.search((ROOT / name).read_text("utf-8", "replace"))
    ]
    assert [name for name in names if name != "tests/test_house.py"] == []
