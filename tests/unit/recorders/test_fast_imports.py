"""A deployment that is there is changed without what takes long to import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from imagebuild.events import ignore
from imagebuild.pipeline import preview
from imagebuild.preparing import Deploy
from imagebuild.protocols import Parts
from imagebuild.request import DeploymentRequest
from imagebuild.sources.local import LocalSource
from imagebuild.testing import FakeBuilder, FakeRegistry, MemoryRecorder
from tests.unit.recorders.loopback import Said, serving
from tests.unit.recorders.test_prefect_apply import DONE, POOL, holds
from tests.unit.values import DIGEST, name, request, write

if TYPE_CHECKING:
    from pathlib import Path

FLOW = "from prefect import flow\n\n@flow\ndef hello(): ...\n"
UNNEEDED = [
    *("prefect", "pydantic", "docker", "requests", "httpx", "grpclib", "google.protobuf", "h2"),
    *("yaml", "ruamel", "click", "rich", "asyncio", "imagebuild.buildkit"),
]
DEPLOY = """
import json, os, sys
from pathlib import Path
from imagebuild.events import ignore
from imagebuild.names import ImageName
from imagebuild.pipeline import deploy
from imagebuild.protocols import Parts
from imagebuild.recorders.prefect import PrefectRecorder
from imagebuild.request import BuildRequest, DeploymentRequest
from imagebuild.sources.local import LocalSource
from imagebuild.testing import FakeBuilder, FakeRegistry

here = Path.cwd()
registry = FakeRegistry()
registry.digests["docker.io/prefecthq/prefect:3-latest"] = sys.argv[1]
with PrefectRecorder(os.environ, here) as recorder:
    parts = Parts(LocalSource(here, {}), FakeBuilder(registry), registry, recorder)
    outcome = deploy(
        BuildRequest(here, here, image=ImageName.parse("reg.example/app:v1"), pin=False),
        DeploymentRequest(),
        parts,
        ignore,
        confirm=lambda _: None,
        finish=str,
    )
print(json.dumps([outcome.recorded, outcome.reference, sorted(sys.modules)]))
"""


def test_a_deployment_is_changed_with_little_imported(tmp_path: Path) -> None:
    """Only its image is another. What is imported takes the time, so the budget is a list."""
    root = write(tmp_path / "app", {"flow.py": FLOW, "requirements.txt": ""})
    registry = FakeRegistry()
    registry.digests["docker.io/prefecthq/prefect:3-latest"] = DIGEST
    parts = Parts(LocalSource(root, {}), FakeBuilder(registry), registry, MemoryRecorder())
    asked = request(root, image=name("reg.example/app:v1"))
    ready = preview(asked, DeploymentRequest(), parts, ignore)
    assert isinstance(ready, Deploy)
    plan = ready.image.plan

    def held(image: str) -> Said:
        there = holds(image).value
        step = {"directory": "/opt/prefect/app"}
        steps = [{"prefect.deployments.steps.set_working_directory": step}]
        return Said(200, {**there, "version": plan.version, "pull_steps": steps})

    with serving(held("old:1"), POOL, DONE, held("reg.example/app:v1")) as server:
        env = {**os.environ, "PREFECT_API_URL": server.url, "PREFECT_HOME": str(tmp_path)}
        script = [sys.executable, "-c", DEPLOY, DIGEST]
        done = subprocess.run(script, cwd=root, env=env, capture_output=True, text=True, check=True)
    recorded, reference, loaded = json.loads(done.stdout)
    assert (recorded, reference) == (True, "reg.example/app:v1")
    assert [asked.method for asked in server.asked] == ["GET", "GET", "PATCH", "GET"]
    assert [module for module in UNNEEDED if module in loaded] == []
