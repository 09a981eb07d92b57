"""Configs: continued by a layer, cut back to what was below it, and what they say."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from imagebuild.oci.configs import Config, chain_id, with_variables
from imagebuild.oci.descriptors import BadManifest

ONE, TWO, THREE = (f"sha256:{digit * 64}" for digit in "123")


def config(**more: Any) -> Config:
    """A config of two layers."""
    value = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": ["PATH=/bin", "A=1"], "Labels": {"l": "x"}, "WorkingDir": "/srv"},
        "rootfs": {"type": "layers", "diff_ids": [ONE, TWO]},
        "history": [
            {"created_by": "ADD one"},
            {"created_by": "ENV A=1", "empty_layer": True},
            {"created_by": "RUN two"},
        ],
        **more,
    }
    return Config.parse(json.dumps(value).encode())


def test_a_layer_more_has_its_line_in_the_history() -> None:
    """As many lines that made a layer as there are layers; the rest stays."""
    made = config(container="x", docker_version="1").continued(THREE, created="then", by="us")

    assert made.diff_ids == (ONE, TWO, THREE)
    assert made.value["history"][-1] == {"created": "then", "created_by": "us"}
    assert made.value["created"] == "then"
    assert "container" not in made.value
    assert "docker_version" not in made.value
    assert made.directory == "/srv"


def test_what_was_added_can_be_cut_off_again() -> None:
    """Layers, and what was said after them."""
    whole = config().continued(THREE, created="then", by="us")

    assert whole.cut(2).diff_ids == (ONE, TWO)
    assert whole.cut(2).value["history"] == config().value["history"]
    assert whole.cut(1).value["history"] == config().value["history"][:2]


def test_a_chain_id_stands_for_all_layers_in_their_order() -> None:
    """By the rule of OCI's image specification."""
    two = hashlib.sha256(f"{ONE} {TWO}".encode()).hexdigest()
    three = hashlib.sha256(f"sha256:{two} {THREE}".encode()).hexdigest()

    assert chain_id([]) == ""
    assert chain_id([ONE]) == ONE
    assert chain_id([ONE, TWO]) == f"sha256:{two}"
    assert chain_id([ONE, TWO, THREE]) == f"sha256:{three}"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, ("PATH=/bin", "A=1")),
        ({"A": "2"}, ("PATH=/bin", "A=2")),
        ({"B": "3", "A": ""}, ("PATH=/bin", "A=", "B=3")),
        ({"B": "x=y"}, ("PATH=/bin", "A=1", "B=x=y")),
    ],
)
def test_variables_are_set_in_their_place(
    values: dict[str, str], expected: tuple[str, ...]
) -> None:
    """As a builder does."""
    assert with_variables(config().env, values) == expected


@pytest.mark.parametrize("variant", [None, "v8"])
def test_the_platform_has_its_variant(variant: str | None) -> None:
    """Where there is one."""
    more = {"architecture": "arm64", "variant": variant}

    assert config(**more).platform == ("linux/arm64/v8" if variant else "linux/arm64")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"rootfs": {}}', '{"rootfs": {"diff_ids": [1]}}']
)
def test_what_is_no_config_is_refused(text: str) -> None:
    """Before anything is made of it."""
    with pytest.raises(BadManifest):
        Config.parse(text.encode())


def test_equal_configs_are_equal_bytes() -> None:
    """In whatever order they were written."""
    turned = json.dumps(dict(reversed(list(config().value.items()))), indent=2)

    assert Config.parse(turned.encode()).data == config().data
