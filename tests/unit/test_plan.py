"""The two keys: each changes with every part that it covers, and with nothing else."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from imagebuild.digest import digest_of
from imagebuild.flow_labels import FLOWS_LABEL, flow_in
from imagebuild.plan import (
    CODE_LABEL,
    ENVIRONMENT_LABEL,
    Code,
    Dependencies,
    OwnDockerfile,
    Template,
    version_of,
)
from tests.unit.values import BASE, IMAGE_ID, OTHER_DIGEST, base, environment, name, plan


@pytest.mark.parametrize(
    "changed",
    [
        {"base": base(digest=OTHER_DIGEST)},
        {"base": base(digest=None)},
        {"base": base(digest=None, image_id=IMAGE_ID)},
        {"dependencies": Dependencies()},
        {"dependencies": Dependencies(("other.txt",), ("requirements.txt",))},
        {"sources": "0" * 64},
        {"recipe": Template("default", "0" * 64)},
        {"recipe": OwnDockerfile("Dockerfile", "FROM base")},
        {"platform": "linux/arm64"},
        {"packages": ("git",)},
        {"build_args": {"A": "1"}},
        {"secrets": ("token",)},
        {"ssh": ("default",)},
    ],
)
def test_the_environment_key_changes_with_each_part(changed: dict[str, Any]) -> None:
    """Base, dependencies and what they are made of, template source, platform."""
    assert environment().key != environment(**changed).key


@pytest.mark.parametrize(
    "changed",
    [
        {"base": base("reg.example/mirror/prefect:3")},
        {"base": base(image_id=IMAGE_ID)},
        {"recipe": Template("renamed", "b" * 64)},
        {"dependencies": Dependencies(("requirements.txt",), ("./",))},
    ],
)
def test_the_environment_key_changes_with_nothing_else(changed: dict[str, Any]) -> None:
    """Not with the base's name where its digest is known, nor with how sources are written."""
    assert environment().key == environment(**changed).key


def test_the_code_key_covers_the_files_and_where_they_lie() -> None:
    """With what is said beside them, and nothing of the environment."""
    code = Code("c" * 64, "/opt/prefect/app")

    assert code.key == Code("c" * 64, "/opt/prefect/app").key
    assert code.key != dataclasses.replace(code, tree="0" * 64).key
    assert code.key != dataclasses.replace(code, directory="/opt/prefect/other").key
    assert code.key != dataclasses.replace(code, env={"A": "1"}).key
    assert code.key != dataclasses.replace(code, labels={"A": "1"}).key
    assert code.key != environment().key


def test_a_dockerfile_is_its_text_and_what_it_builds_on() -> None:
    """Its path is no part of it; a base that moved is."""
    own = OwnDockerfile("Dockerfile", "FROM base", (base(),))

    assert own.digest == dataclasses.replace(own, name="docker/Dockerfile").digest
    assert own.digest != dataclasses.replace(own, text="FROM base AS x").digest
    assert own.digest != dataclasses.replace(own, bases=(base(digest=OTHER_DIGEST),)).digest


def test_the_version_stands_for_both_keys() -> None:
    """Twelve digits that a tag can hold, and that another template or tree changes."""
    made = plan()
    other_environment = plan(environment=environment(platform="linux/arm64"))
    other_code = plan(code=Code("0" * 64, "/opt/prefect/app"))

    assert version_of(made.environment, made.code) == made.version
    assert len(made.version) == 12
    assert len({made.version, other_environment.version, other_code.version}) == 3
    assert name("app").with_tag(made.version) == name(f"app:{made.version}")


@pytest.mark.parametrize(
    "changed",
    [
        {"entrypoint": "other.py:flow"},
        {"names": (name("reg.example/other:v2"),)},
        {"stamp": {"org.opencontainers.image.revision": "abc"}},
    ],
)
def test_the_version_is_not_about_the_flow_or_the_name(changed: dict[str, Any]) -> None:
    """One image serves several flows, under several names."""
    assert plan().version == plan(**changed).version


def test_the_labels_say_what_the_image_is_made_of() -> None:
    """The keys by which it is known again, and nothing that is no part of it."""
    made = plan()

    assert made.labels == {ENVIRONMENT_LABEL: made.environment.key, CODE_LABEL: made.code.key}


def test_a_label_tells_which_flows_there_are() -> None:
    """In one order; what is no such label tells of none."""
    labels = plan(flows={"b.py:f": "2" * 16, "a.py:f": "1" * 16}).labels

    assert labels[FLOWS_LABEL] == f'{{"a.py:f":"{"1" * 16}","b.py:f":"{"2" * 16}"}}'
    assert flow_in(labels, "b.py:f") == "2" * 16
    assert flow_in(labels, "c.py:f") is None
    for text in ("[]", "x", ""):
        assert flow_in({FLOWS_LABEL: text}, "b.py:f") is None


def test_a_users_label_is_beside_the_others_but_never_a_key() -> None:
    """A label of ours that somebody gives is not believed."""
    made = plan(
        stamp={"org.opencontainers.image.source": "here", "a": "stamp"},
        code=Code("c" * 64, "/opt/prefect/app", labels={"a": "own", CODE_LABEL: "forged"}),
    )

    assert made.labels == {
        "org.opencontainers.image.source": "here",
        "a": "own",
        ENVIRONMENT_LABEL: made.environment.key,
        CODE_LABEL: made.code.key,
    }


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({}, None),
        ({"maintainer": "somebody"}, None),
        ({ENVIRONMENT_LABEL: "0" * 64}, "the environment changed"),
        ({ENVIRONMENT_LABEL: "0" * 64, CODE_LABEL: "0" * 64}, "the environment changed"),
        ({CODE_LABEL: "0" * 64}, "the code changed"),
        ({CODE_LABEL: ""}, "the code changed"),
    ],
)
def test_an_image_was_made_from_the_plan_where_both_keys_are_its_own(
    changed: dict[str, str], why: str | None
) -> None:
    """Other labels are nobody's concern; what differs is said."""
    labels = {**plan().labels, **changed}

    assert plan().outdated(labels) == why


def test_an_image_without_labels_was_not_made_from_the_plan() -> None:
    """Somebody else built it."""
    assert plan().outdated({}) == "the environment changed"


@pytest.mark.parametrize(
    ("found", "identity", "reference"),
    [
        (base(), base().digest, f"{BASE}@{base().digest}"),
        (base(image_id=IMAGE_ID), base().digest, f"{BASE}@{base().digest}"),
        (base(digest=None, image_id=IMAGE_ID), IMAGE_ID, BASE),
        (base(digest=None), BASE, BASE),
    ],
)
def test_a_base_is_what_its_name_means_now(
    found: Any, identity: str | None, reference: str
) -> None:
    """The registry's digest, else the engine's ID, else the name; only a digest can be pulled."""
    assert identity == found.identity
    assert reference == found.reference


def test_equal_values_have_equal_digests_and_others_do_not() -> None:
    """The order of keys is no part of a value; its types are."""
    assert digest_of({"a": 1, "b": [2]}) == digest_of({"b": [2], "a": 1})
    assert digest_of((1, 2)) == digest_of([1, 2])
    assert len({digest_of(value) for value in (1, "1", [1], {"1": 1}, None, "é")}) == 6
