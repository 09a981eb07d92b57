"""What to build, as the query of `POST /build`."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class BuildOptions:
    """One build, in the words of the engine's API.

    `dockerfile` is the path in the tree `dockerfile`; `tags` are full names with tags; `platform`
    is `os/arch[/variant]`, empty for the engine's own; `network` is a network mode for RUN steps
    (`host`, `none`); `pull` asks the registry for newer base images; `extra` is added to the query
    as it is (`shmsize`, `extrahosts`). Secrets do not belong here: build arguments stay in the
    image's history.
    https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Image/operation/ImageBuild
    """

    dockerfile: str = "Dockerfile"
    tags: Sequence[str] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    build_args: Mapping[str, str] = field(default_factory=dict)
    platform: str = ""
    target: str = ""
    no_cache: bool = False
    pull: bool = False
    network: str = ""
    cache_from: Sequence[str] = ()
    extra: Mapping[str, str] = field(default_factory=dict)

    def query(self, session_id: str, build_id: str) -> list[tuple[str, str]]:
        """The parameters of `POST /build`; names may repeat (`t`)."""
        parameters = [
            ("version", "2"),
            ("remote", "client-session"),
            ("session", session_id),
            ("buildid", build_id),
            ("dockerfile", self.dockerfile),
            *(("t", tag) for tag in self.tags),
        ]
        optional = {
            "labels": json.dumps(dict(self.labels), sort_keys=True) if self.labels else "",
            "buildargs": json.dumps(dict(self.build_args), sort_keys=True)
            if self.build_args
            else "",
            "platform": self.platform,
            "target": self.target,
            "nocache": "1" if self.no_cache else "",
            "pull": "1" if self.pull else "",
            "networkmode": self.network,
            "cachefrom": json.dumps(list(self.cache_from)) if self.cache_from else "",
            **self.extra,
        }
        return parameters + [(name, value) for name, value in optional.items() if value]
