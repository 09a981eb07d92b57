"""What is told of a flow that is named by its module is what Prefect itself finds there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from imagebuild.choosing import choose_flow
from imagebuild.context import read_context
from imagebuild.recorders import prefect_process
from tests.unit.values import write

if TYPE_CHECKING:
    from pathlib import Path

FLOW = '''
from prefect import flow
{imports}

@flow(name="the flow")
def hello(size: Size, day: str = "today"):
    """Says hello.

    Args:
        day: when
    """
'''
SIZES = "import enum\n\nclass Size(enum.Enum):\n    BIG = 'big'\n"
FILES = {
    "pkg/__init__.py": "from .deep.etl import hello as greet\n",
    "pkg/sizes.py": SIZES,
    "pkg/deep/__init__.py": "",
    "pkg/deep/etl.py": FLOW.format(imports="from ..sizes import Size"),
    "src/apart/__init__.py": "",
    "src/apart/sizes.py": SIZES,
    "src/apart/etl.py": FLOW.format(imports="from apart.sizes import Size"),
    "lacking.py": FLOW.format(imports="import nowhere_to_be_found\nfrom pkg.sizes import Size"),
}
THEIRS = """
import json, sys
from prefect.flows import load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema
flow = load_flow_from_entrypoint(sys.argv[1])
schema = json.loads(parameter_schema(flow).model_dump_json(exclude_unset=True))
print(json.dumps([flow.name, schema, flow.description]))
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Prefect's own folder is one that goes away, and nothing is asked of a server."""
    own = {"PREFECT_HOME": str(tmp_path), "DO_NOT_TRACK": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return {**os.environ, **own}


@pytest.mark.parametrize("dotted", ["pkg.deep.etl.hello", "pkg.greet", "apart.etl.hello"])
def test_it_is_what_prefect_finds(tmp_path: Path, environment: dict[str, str], dotted: str) -> None:
    """Where all that it imports is there; a package in `src` is installed for Prefect."""
    root = write(tmp_path / "project", FILES)
    environment["PYTHONPATH"] = f"{root}/src"
    done = subprocess.run(
        [sys.executable, "-c", THEIRS, dotted],
        cwd=root,
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
    )
    del environment["PYTHONPATH"]

    assert _ours(root, dotted, environment) == json.loads(done.stdout)


def test_what_it_imports_need_not_be_there(tmp_path: Path, environment: dict[str, str]) -> None:
    """Prefect ends there: only for a file it reads what it cannot import."""
    root = write(tmp_path / "project", FILES)
    whole = _ours(root, "pkg.deep.etl.hello", environment)

    assert _ours(root, "lacking.hello", environment) == whole


def _ours(root: Path, dotted: str, environment: dict[str, str]) -> list[Any]:
    """The flow's name, its parameters and its description."""
    found = choose_flow(read_context(root), dotted, root)
    flows = [(found.entrypoint, found.code)]
    [told] = prefect_process.run("describe", {"flows": flows}, environment, root)
    return [found.flow_name, told["parameters"], told["description"]]
