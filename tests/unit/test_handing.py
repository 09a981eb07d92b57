"""What one job hands to the next, and what is refused in its place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from imagebuild.errors import UsageError
from imagebuild.handing import FORMAT, document, parse
from imagebuild.outcome import Outcome
from tests.unit.values import DIGEST

OUTCOME = Outcome(
    reference=f"reg.example/app:v1@{DIGEST}",
    names=("reg.example/app:v1", "reg.example/app:v2"),
    image_id="sha256:1",
    digest=DIGEST,
    version="0123456789ab",
    flow="my flow",
    entrypoint="flow.py:hello",
    directory="/opt/prefect/app",
    built=True,
    pushed=False,
    seconds={"build": 1.5},
)


def written(**changes: Any) -> str:
    """The document with other values; an absent one is left out."""
    made = {**document(OUTCOME), **changes}
    return json.dumps({key: value for key, value in made.items() if value is not ...})


def test_what_is_written_is_read_again() -> None:
    """With all of it; what a later version adds is passed over."""
    assert parse(written(build={"steps": 3}, more=1), "image.json") == OUTCOME
    assert parse(json.dumps(document(Outcome("app:v1", ("app:v1",)))), "f").digest is None


@pytest.mark.parametrize(
    ("text", "why", "hint"),
    [
        ("", "it is empty", "--json-file"),
        (written()[:200], "cut off, or no JSON", "--json-file"),
        ("image: app:v1\n", "no JSON", "--json-file"),
        ("[" * 100_000, "no JSON", "--json-file"),
        ("[]", "no document of imagebuild's", "--json-file"),
        ('{"name": "app", "version": "1.0"}', "no document of imagebuild's", "--json-file"),
        (written(format=...), "an older imagebuild wrote it", "--json-file"),
        (written(format="imagebuild.outcome/2"), "the form 2", "the same imagebuild"),
        (written(format=7), "an older imagebuild", "--json-file"),
        ('{"error": {"message": "step 3 failed"}}', "failed: step 3 failed", "run that command"),
        (written(digest=...), "it lacks 'digest'", "--json-file"),
        (written(names=[]), "'names' in it is []", "--json-file"),
        (written(names="app"), "'names' in it is", "--json-file"),
        (written(names=["a b"]), "is not an image name", "--json-file"),
        (written(reference=None), "'reference' in it is null", "--json-file"),
        (written(reference="UPPER/x"), "lower case", "--json-file"),
        (written(digest="sha256:1"), "no digest", "--json-file"),
        (written(digest=5), "'digest' in it is 5", "--json-file"),
        (written(built="yes"), "'built' in it is", "--json-file"),
        (written(seconds=[]), "'seconds' in it is []", "--json-file"),
    ],
)
def test_what_is_no_such_document_is_refused(text: str, why: str, hint: str) -> None:
    """With the file's name, why, and what to give instead."""
    with pytest.raises(UsageError) as refused:
        parse(text, "image.json")

    assert refused.value.message == "cannot go on from image.json"
    assert why in refused.value.causes[0]
    assert hint in (refused.value.hint or "")


def test_the_form_has_a_number() -> None:
    """So that another one is told from this one."""
    assert document(OUTCOME)["format"] == FORMAT == "imagebuild.outcome/1"
