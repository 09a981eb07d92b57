"""Environments: found in an image of their own or below code, and never mistaken for another."""

from __future__ import annotations

import dataclasses
import io
import json
from typing import Any

import pytest

from imagebuild.builders.environments import (
    UNDER_LABEL,
    environment_in,
    environment_labels,
    restated,
    said_by,
    with_code,
)
from imagebuild.dockerfile import CodePart
from imagebuild.node import Node
from imagebuild.oci.configs import Config
from imagebuild.oci.descriptors import DOCKER_MANIFEST, OCI_MANIFEST, Descriptor
from imagebuild.oci.layers import make_layer
from imagebuild.oci.manifests import ImageManifest
from imagebuild.oci.remote import RemoteImage
from imagebuild.plan import CODE_LABEL, ENVIRONMENT_LABEL
from tests.unit.values import plan

PLAN = dataclasses.replace(
    plan(),
    stamp={"org.opencontainers.image.created": "2026-11-26T00:00:00Z", "io.prefect.version": "3"},
)
DIFFS = tuple(f"sha256:{digit * 64}" for digit in "12")
LAYER = make_layer([Node("flow.py", "file", 0o644)], "/opt/prefect/app", lambda _: io.BytesIO())
PART = CodePart("/opt/prefect/app/", env={"A": "new", "B": "b"})


def image(labels: dict[str, str], media_type: str = OCI_MANIFEST, **more: Any) -> RemoteImage:
    """An image of two layers."""
    config = Config(
        {
            "os": "linux",
            "architecture": "amd64",
            "config": {
                "Env": ["PATH=/bin", "A=old"],
                "Labels": labels,
                "WorkingDir": "/opt/prefect/app",
                "Entrypoint": ["/tini"],
                **more,
            },
            "rootfs": {"type": "layers", "diff_ids": list(DIFFS)},
            "history": [{"created_by": "one"}, {"created_by": "two"}],
        }
    )
    layers = tuple(Descriptor("layer", digest, 1) for digest in DIFFS)
    manifest = ImageManifest(media_type, Descriptor("config", DIFFS[0], 1), layers)
    return RemoteImage(manifest.data, manifest, config)


def upper(below: RemoteImage) -> RemoteImage:
    """The image with code on this environment."""
    environment = environment_in(below)
    assert environment is not None
    made = with_code(environment, PLAN, PART, LAYER)
    return RemoteImage(made.manifest.data, made.manifest, made.config)


PROMISED = ("c6099d6997f55517", "8dfe60b2745a45fa")
ENVIRONMENT = image({"base": "x", **environment_labels(PLAN)})


def test_an_environment_is_known_by_its_labels() -> None:
    """Its key, and that there is no code in it."""
    found = environment_in(ENVIRONMENT)

    assert found is not None
    assert found.config == ENVIRONMENT.config
    assert ENVIRONMENT.config.labels[ENVIRONMENT_LABEL] == PLAN.environment.key


def test_it_is_found_again_below_the_code() -> None:
    """As it was: layers, variables, labels, working directory and history."""
    found = environment_in(upper(ENVIRONMENT))

    assert found is not None
    assert {**found.config.value, "created": None} == {**ENVIRONMENT.config.value, "created": None}
    assert found.manifest.layers == ENVIRONMENT.manifest.layers


def test_code_on_it_says_all_that_the_plan_says() -> None:
    """The environment's own variables in their place, and which Prefect it has."""
    made = upper(ENVIRONMENT).config

    assert made.env == ("PATH=/bin", "A=new", "B=b")
    assert made.directory == "/opt/prefect/app"
    assert made.diff_ids == (*DIFFS, LAYER.diff_id)
    assert made.value["created"] == "2026-11-26T00:00:00Z"
    assert made.value["config"]["Entrypoint"] == ["/tini"]
    assert made.labels.items() >= {"base": "x", CODE_LABEL: PLAN.code.key}.items()


@pytest.mark.parametrize("media_type", [OCI_MANIFEST, DOCKER_MANIFEST])
def test_the_family_of_the_manifest_stays(media_type: str) -> None:
    """Some registries refuse a mixture."""
    made = upper(image(dict(ENVIRONMENT.config.labels), media_type)).manifest
    family = media_type.partition(".manifest.")[0].removesuffix(".distribution")

    assert made.media_type == media_type
    assert made.config.media_type.startswith(family)
    assert made.layers[-1].media_type.startswith(family)


def test_code_on_code_stands_on_the_same_environment() -> None:
    """However often it is deployed, there is one layer of code."""
    twice = upper(upper(ENVIRONMENT))

    assert twice == upper(ENVIRONMENT)


def test_equal_inputs_are_equal_bytes_everywhere() -> None:
    """These digests are the promise."""
    made = upper(ENVIRONMENT)

    assert (made.digest[7:23], made.manifest.config.digest[7:23]) == PROMISED


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        ({}, "nothing of ours"),
        ({ENVIRONMENT_LABEL: "k"}, "built as a whole, by a Dockerfile of one stage"),
        ({ENVIRONMENT_LABEL: "k", CODE_LABEL: "c"}, "built as a whole"),
        ({ENVIRONMENT_LABEL: "k", CODE_LABEL: "c", UNDER_LABEL: ""}, "built on an environment"),
        ({ENVIRONMENT_LABEL: "k", CODE_LABEL: "c", UNDER_LABEL: "{}"}, "not said wholly"),
        ({ENVIRONMENT_LABEL: "k", CODE_LABEL: "c", UNDER_LABEL: "[1"}, "not JSON"),
    ],
)
def test_what_does_not_tell_its_environment_has_none(labels: dict[str, str], why: str) -> None:
    """So Docker builds one."""
    assert environment_in(image(labels)) is None, why


def test_what_a_base_said_of_its_own_environment_is_not_believed() -> None:
    """An image of ours can be the base of another."""
    base = upper(ENVIRONMENT).config.labels

    assert environment_in(image({**base, ENVIRONMENT_LABEL: "another"})) is None


def test_a_chain_that_is_not_the_layers_is_not_believed() -> None:
    """Somebody has squashed them, say."""
    said = json.loads(restated(said_by(ENVIRONMENT.config)))
    labels = {
        **PLAN.labels,
        UNDER_LABEL: json.dumps({**said, "chain": f"sha256:{'0' * 64}"}),
    }

    assert environment_in(image(labels)) is None


def test_an_environment_made_on_an_image_of_ours_is_one() -> None:
    """What its base said of code is taken back."""
    base = upper(ENVIRONMENT).config.labels

    assert environment_in(image({**base, **environment_labels(PLAN)})) is not None


def test_without_files_it_is_the_environments_layers_and_other_words() -> None:
    """Where each run pulls its code; the environment is found in it all the same."""
    below = environment_in(ENVIRONMENT)
    assert below is not None
    made = with_code(below, PLAN, CodePart(env=PART.env))
    found = environment_in(RemoteImage(made.manifest.data, made.manifest, made.config))

    assert made.config.diff_ids == DIFFS
    assert made.manifest.layers == ENVIRONMENT.manifest.layers
    assert made.config.labels[CODE_LABEL] == PLAN.code.key
    assert made.config.value["history"][-1]["empty_layer"] is True
    assert found is not None
    assert found.config.env == ENVIRONMENT.config.env
