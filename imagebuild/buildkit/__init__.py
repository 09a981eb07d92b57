"""A BuildKit client session in pure Python, over the Docker SDK's connection to an engine.

The engine keeps the builder, we keep the files: a `Session` serves trees, registry credentials,
secrets and ssh agents by gRPC on an upgraded connection, and `build` runs a Dockerfile with it.

    with Session(client.api, trees=trees, credentials=lookup, shared_key=key, name=name) as session:
        image_id = build(client.api, session, BuildOptions(tags=("app:1",)), on_event)

The protocol: https://github.com/moby/buildkit/tree/master/session and
https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Image/operation/ImageBuild
"""

from .api import Api, Response
from .build import build
from .errors import (
    BuildCancelled,
    BuildFailed,
    BuildkitError,
    ConnectionLost,
    FileChanged,
    NoBuildkit,
    TreeError,
    Unauthorized,
    UnreadableFile,
)
from .options import BuildOptions
from .progress import (
    Step,
    StepCached,
    StepCompleted,
    StepEvent,
    StepFailed,
    StepLog,
    StepStarted,
    StepTransfer,
    StepWarning,
)
from .session import Session
from .tree import Credential, Entry, Sent, Tree
from .workers import platforms

__all__ = [
    "Api",
    "BuildCancelled",
    "BuildFailed",
    "BuildOptions",
    "BuildkitError",
    "ConnectionLost",
    "Credential",
    "Entry",
    "FileChanged",
    "NoBuildkit",
    "Response",
    "Sent",
    "Session",
    "Step",
    "StepCached",
    "StepCompleted",
    "StepEvent",
    "StepFailed",
    "StepLog",
    "StepStarted",
    "StepTransfer",
    "StepWarning",
    "Tree",
    "TreeError",
    "Unauthorized",
    "UnreadableFile",
    "build",
    "platforms",
]
