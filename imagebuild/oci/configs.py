"""An image's config as a value: read, and continued by a layer.

https://github.com/opencontainers/image-spec/blob/main/config.md
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imagebuild.oci.descriptors import BadManifest
from imagebuild.oci.manifests import encoded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# What engines once wrote beside it, of the container that the image was made in.
_OF_A_CONTAINER = {"container", "container_config", "docker_version"}


@dataclass(frozen=True)
class Config:
    """A config; `value` is all of it, as its JSON says."""

    value: Mapping[str, Any]

    @classmethod
    def parse(cls, data: bytes) -> Config:
        """Read a config; raises `BadManifest`."""
        try:
            value = json.loads(data)
            diff_ids = value["rootfs"]["diff_ids"]
            whole = all(isinstance(one, str) for one in diff_ids)
            run = value.get("config") or {}
            labels, env = run.get("Labels") or {}, run.get("Env") or []
            whole = whole and all(isinstance(one, str) for one in [*labels.values(), *env])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            message = "no image's config"
            raise BadManifest(message) from error
        if not whole:
            message = "a config with something that is no text"
            raise BadManifest(message)
        return cls(value)

    @property
    def data(self) -> bytes:
        """Its bytes, the same on every machine."""
        return encoded(self.value)

    @property
    def platform(self) -> str:
        """`os/architecture[/variant]`."""
        parts = (self.value.get(key) for key in ("os", "architecture", "variant"))
        return "/".join(str(part) for part in parts if part)

    @property
    def diff_ids(self) -> tuple[str, ...]:
        """The layers' uncompressed digests, the lowest first."""
        return tuple(self.value["rootfs"]["diff_ids"])

    @property
    def labels(self) -> dict[str, str]:
        """The labels."""
        return dict(self._run.get("Labels") or {})

    @property
    def env(self) -> tuple[str, ...]:
        """The variables, each as `name=value`."""
        return tuple(self._run.get("Env") or ())

    @property
    def directory(self) -> str:
        """The working directory."""
        return str(self._run.get("WorkingDir") or "")

    @property
    def user(self) -> str:
        """Who runs in it."""
        return str(self._run.get("User") or "")

    @property
    def on_build(self) -> tuple[str, ...]:
        """Instructions that wait for whoever builds on it."""
        return tuple(self._run.get("OnBuild") or ())

    @property
    def _run(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.value.get("config") or {}
        return found

    def saying(self, *, env: Iterable[str], labels: Mapping[str, str], directory: str) -> Config:
        """The same with these variables, labels and working directory, and no others."""
        run = {**self._run, "Env": list(env), "WorkingDir": directory, "Labels": dict(labels)}
        return Config({**self.value, "config": run})

    def cut(self, layers: int) -> Config:
        """The same of the lowest layers alone, and of what was said until the last of them."""
        history, count = [], 0
        for entry in self.value.get("history") or ():
            count += not entry.get("empty_layer")
            if count > layers:
                break
            history.append(entry)
        return self._with(self.diff_ids[:layers], history)

    def continued(self, diff_id: str | None, *, created: str, by: str) -> Config:
        """The same with one layer more, or none, that `by` made at `created` (RFC 3339)."""
        entry: dict[str, Any] = {"created": created, "created_by": by}
        entry |= {} if diff_id else {"empty_layer": True}
        diff_ids = (*self.diff_ids, *([diff_id] if diff_id else []))
        added = self._with(diff_ids, [*(self.value.get("history") or ()), entry])
        kept = {key: one for key, one in added.value.items() if key not in _OF_A_CONTAINER}
        return Config({**kept, "created": created})

    def _with(self, diff_ids: Iterable[str], history: Iterable[Any]) -> Config:
        rootfs = {**self.value["rootfs"], "diff_ids": list(diff_ids)}
        return Config({**self.value, "rootfs": rootfs, "history": list(history)})


def chain_id(diff_ids: Iterable[str]) -> str:
    """One digest for all layers together, and in their order.

    https://github.com/opencontainers/image-spec/blob/main/config.md#layer-chainid
    """
    chain = ""
    for diff_id in diff_ids:
        both = f"{chain} {diff_id}".encode()
        chain = f"sha256:{hashlib.sha256(both).hexdigest()}" if chain else diff_id
    return chain


def with_variables(env: Iterable[str], values: Mapping[str, str]) -> tuple[str, ...]:
    """The variables with these set: in their place where they are there, else behind all."""
    left, found = dict(values), []
    for entry in env:
        name = entry.partition("=")[0]
        found.append(f"{name}={left.pop(name)}" if name in left else entry)
    return (*found, *(f"{name}={value}" for name, value in left.items()))
