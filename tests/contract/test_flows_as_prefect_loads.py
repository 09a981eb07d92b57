"""Prefect itself, in a process of its own, loads what we found, under the name that we gave it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from imagebuild.flows import flows_in

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = """
import prefect, prefect.flows
from prefect import flow
from prefect.flows import flow as work

NAME = "computed"
daily = flow(retries=1)

@flow
def plain_one(): ...

@prefect.flow(name="The One")
async def named(): ...

@work(name=NAME)
def computed(): ...

@prefect.flows.flow(name="")
def empty_name(): ...

@daily
def by_alias(): ...

class C:
    @flow
    @staticmethod
    def static(): ...

    @flow
    @classmethod
    def of_class(cls): ...

    class D:
        @flow
        def deep(): ...

if NAME:
    @flow
    def conditional(): ...

def body_of_it(): ...
job = flow(body_of_it)
other = flow(name="other")(body_of_it)
nightly = plain_one.with_options(name="nightly")
retried = named.with_options(retries=2)
"""

LOAD = """
import json, sys
from prefect.flows import load_flow_from_entrypoint as load
print(json.dumps([load(e, use_placeholder_flow=False).name for e in sys.argv[1:]]))
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Prefect's own folder is one that goes away, and nothing is asked of a server."""
    return {**os.environ, "PREFECT_HOME": str(tmp_path), "DO_NOT_TRACK": "1"}


def test_prefect_loads_every_flow_that_was_found(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    """Each entrypoint loads in Prefect as a flow of the name in the list."""
    file = tmp_path / "jobs.py"
    file.write_text(SOURCE)
    found, skipped = flows_in(SOURCE.encode(), str(file))

    done = subprocess.run(
        [sys.executable, "-c", LOAD, *(flow.entrypoint for flow in found)],
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
    )

    names = dict(zip((flow.function for flow in found), json.loads(done.stdout), strict=True))
    assert skipped == ()
    assert len(names) == 13
    assert names.pop("computed") == "computed"
    assert names == {flow.function: flow.flow_name for flow in found if flow.flow_name}
