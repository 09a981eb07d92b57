"""Environments in a registry: an image of their own, or the lower part of one with code. Pure.

The upper image says in a label what it was built on, and where that ends: by the chain ID of its
layers, which its own diff IDs prove.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imagebuild.oci.configs import chain_id, with_variables
from imagebuild.oci.manifests import ImageManifest
from imagebuild.plan import CODE_LABEL, ENVIRONMENT_LABEL
from imagebuild.stamps import CREATED_LABEL, PREFECT_LABEL
from imagebuild.state import ImageConfig

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagebuild.dockerfile.code import CodePart
    from imagebuild.oci.configs import Config
    from imagebuild.oci.layers import Layer
    from imagebuild.oci.remote import RemoteImage
    from imagebuild.plan import Plan

UNDER_LABEL = "io.imagebuild.environment"
_FILES, _NO_FILES = "imagebuild: the project's files", "imagebuild: what the image says"
EPOCH = "1970-01-01T00:00:00Z"


@dataclass(frozen=True)
class Environment:
    """What code is added to: the manifest of its layers alone, and its own config."""

    manifest: ImageManifest
    config: Config


@dataclass(frozen=True)
class Upper:
    """An image as bytes: an environment, and a layer on it if there are files."""

    manifest: ImageManifest
    config: Config


def environment_in(image: RemoteImage) -> Environment | None:
    """The environment that an image is, or that it stands on; None where it does not tell."""
    labels = image.config.labels
    if labels.get(UNDER_LABEL) == "" and not labels.get(CODE_LABEL):
        return Environment(image.manifest, image.config)
    return _below(image)


def environment_labels(plan: Plan) -> dict[str, str]:
    """The labels of an environment as an image; two are empty, which its base may have had."""
    kept = {name: text for name, text in plan.stamp.items() if name == PREFECT_LABEL}
    return {**kept, ENVIRONMENT_LABEL: plan.environment.key, CODE_LABEL: "", UNDER_LABEL: ""}


def restated(below: ImageConfig) -> str:
    """What an image with code says in its label of the environment that it stands on."""
    said = {
        "key": below.labels.get(ENVIRONMENT_LABEL, ""),
        "chain": chain_id(below.diff_ids),
        "directory": below.directory,
        "env": [f"{name}={value}" for name, value in below.env.items()],
        "labels": dict(below.labels),
    }
    return json.dumps(said, sort_keys=True, separators=(",", ":"))


def with_code(
    environment: Environment, plan: Plan, part: CodePart, layer: Layer | None = None
) -> Upper:
    """The image of a plan: one layer more, if it has files, and all that is said beside it."""
    below, described = environment.config, environment.manifest
    config = below.continued(
        layer.diff_id if layer else None,
        created=plan.stamp.get(CREATED_LABEL, EPOCH),
        by=_FILES if layer else _NO_FILES,
    ).saying(
        env=with_variables(below.env, part.env),
        labels={
            **labels_on(below.labels, plan, part.labels),
            UNDER_LABEL: restated(said_by(below)),
        },
        directory=part.directory or below.directory,
    )
    manifest = ImageManifest(
        described.media_type,
        described.config_descriptor(config.data),
        (*described.layers, *([layer.descriptor(described.layer_type)] if layer else [])),
    )
    return Upper(manifest, config)


def said_by(
    config: Config, image_id: str = "", digests: Mapping[str, str] | None = None
) -> ImageConfig:
    """A config in this project's words; its ID and where it lies are said beside it."""
    pairs = (entry.partition("=") for entry in config.env)
    return ImageConfig(
        id=image_id,
        platform=config.platform,
        labels=config.labels,
        env={name: value for name, _, value in pairs},
        user=config.user,
        directory=config.directory,
        diff_ids=config.diff_ids,
        digests=digests or {},
    )


def labels_on(below: Mapping[str, str], plan: Plan, written: Mapping[str, str]) -> dict[str, str]:
    """The labels of an image on an environment; which Prefect is in it, that one knows best."""
    kept = {PREFECT_LABEL: below[PREFECT_LABEL]} if PREFECT_LABEL in below else {}
    return {**below, **written, **plan.labels, **kept, **plan.code.labels}


def _below(image: RemoteImage) -> Environment | None:
    config, said = image.config, _said(image.config.labels.get(UNDER_LABEL, ""))
    if said is None or len(image.manifest.layers) != len(config.diff_ids):
        return None
    if said["key"] != config.labels.get(ENVIRONMENT_LABEL):
        return None  # its base said it, of another one
    for count in range(1, len(config.diff_ids) + 1):
        if chain_id(config.diff_ids[:count]) == said["chain"]:
            own = config.cut(count).saying(
                env=said["env"], labels=said["labels"], directory=said["directory"]
            )
            layers = image.manifest.layers[:count]
            manifest = ImageManifest(image.manifest.media_type, image.manifest.config, layers)
            return Environment(manifest, own)
    return None


def _said(text: str) -> dict[str, Any] | None:
    try:
        said = json.loads(text)
        whole = all(isinstance(said[key], str) for key in ("key", "chain", "directory"))
        whole = whole and all(isinstance(one, str) for one in said["env"])
        whole = whole and all(isinstance(one, str) for one in said["labels"].values())
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return said if whole else None
