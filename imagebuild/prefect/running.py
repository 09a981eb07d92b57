"""Runs the steps of a prefect.yaml around a deployment's image: each once for the same inputs."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from imagebuild.errors import ImagebuildError
from imagebuild.prefect import step_names
from imagebuild.prefect.shell import run_shell_script

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from imagebuild.events import Emit
    from imagebuild.prefect.file import Step
    from imagebuild.prefect.further import FurtherImages
    from imagebuild.protocols import Recorder


@dataclass
class Steps:
    """Runs steps in `root`, one at a time, and remembers what they gave.

    Scripts are run here, as Prefect runs them, and `images` built and pushed; every other step is
    run by Prefect's own code.
    """

    root: Path
    env: Mapping[str, str]
    recorder: Recorder
    emit: Emit
    images: FurtherImages
    given: dict[str, Any] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, step: Step, inputs: Mapping[str, Any], label: str) -> Any:
        """What a step gives for filled inputs. Raises `ImagebuildError` where it fails.

        `label` is the deployment that it is of. Deployments that share a step share its result.
        """
        key = json.dumps([step.name, inputs], sort_keys=True, default=str)
        with self.lock:
            if key not in self.given:
                try:
                    self.given[key] = self._run(step, inputs)
                except ImagebuildError as error:
                    error.causes = (*error.causes, f"it is a step of the deployment {label!r}")
                    raise
            return self.given[key]

    def _run(self, step: Step, inputs: Mapping[str, Any]) -> Any:
        if step.name == step_names.SHELL:
            shown = step.inputs.get("script")
            return run_shell_script(inputs, self.root, self.env, self.emit, shown)
        if step.name in step_names.BUILD | step_names.PUSH:
            return self.images.run(step, inputs)
        return self.recorder.run_step(step.name, inputs, self.root)
