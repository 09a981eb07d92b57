"""`make demo`: the example deployed by one command, and run from its image by a Docker worker."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support import SetupError
from tests.support.engine import ensure_engine
from tests.support.images import PREFECT, ensure
from tests.support.prefect_stack import (
    container_host,
    create_pool,
    running_server,
    running_worker,
)

if TYPE_CHECKING:
    from docker import DockerClient

    from tests.support.prefect_stack import PrefectServer

EXAMPLE = Path(__file__).parents[2] / "examples" / "hello"
COMMAND = ["imagebuild", "deploy", "--image", "my-docker-image:latest", "--no-push"]
POOL = "my-docker-pool"
GREETING = "Hello"  # in the line that the example's flow prints


def main() -> int:
    """Show the main job from an empty machine to a Completed run; 0 if it was."""
    started = time.monotonic()
    try:
        client = ensure_engine()
        completed = _demo(client)
    except SetupError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"\n{time.monotonic() - started:.0f} s in all")
    return 0 if completed else 1


def _demo(client: DockerClient) -> bool:
    with (
        tempfile.TemporaryDirectory(prefix="imagebuild-demo-") as folder,
        ThreadPoolExecutor(1) as aside,
    ):
        image = aside.submit(ensure, client, PREFECT)  # while the server starts
        say("starting a Prefect server")
        with running_server(Path(folder), container_host(client)) as server:
            create_pool(server, POOL, "docker")
            image.result()
            with running_worker(server, POOL, "docker"):
                return _deploy(server) and _run(server)


def _deploy(server: PrefectServer) -> bool:
    """Type the command that the demo is about, in the example's folder."""
    say(f"in {EXAMPLE.relative_to(Path.cwd())}: {' '.join(COMMAND)}")
    command = [str(Path(sys.executable).with_name(COMMAND[0])), *COMMAND[1:]]
    return (
        subprocess.run(command, cwd=EXAMPLE, env=server.environment(), check=False).returncode == 0
    )


def _run(server: PrefectServer) -> bool:
    """Run what was deployed, and show what the flow said and how it ended."""
    [deployment] = server.api.deployments()
    say(f"running {deployment['name']}, image {deployment['job_variables']['image']}")
    run = server.api.wait_for_run(server.api.start_run(deployment["id"]))
    for line in server.api.logs(run.id, awaited=GREETING):
        print(f"  | {line}")
    say(f"final state: {run.state} {run.message}".rstrip())
    return run.state == "Completed"


def say(text: str) -> None:
    """Print one line of the story, in order with what other programs print."""
    print(f"\n>> {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
