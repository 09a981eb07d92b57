"""Options as they are typed: image names, and job variables as text or JSON."""

from __future__ import annotations

from typing import Any

import pytest

from imagebuild.cli.options import image_name, job_variables
from imagebuild.errors import UsageError


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], {}),
        (["a=b"], {"a": "b"}),
        (["a="], {"a": ""}),
        (["a=b=c"], {"a": "b=c"}),
        ([" a =b"], {"a": "b"}),
        (["a= b"], {"a": " b"}),
        (["a=1"], {"a": 1}),
        (["a=1.5"], {"a": 1.5}),
        (["a=true"], {"a": True}),
        (["a=True"], {"a": "True"}),
        (["a=null"], {"a": None}),
        (['a="1"'], {"a": "1"}),
        (['a=["x", 1]'], {"a": ["x", 1]}),
        (['env={"LEVEL": "debug"}'], {"env": {"LEVEL": "debug"}}),
        (["env.LEVEL=debug"], {"env.LEVEL": "debug"}),
        (["env.COUNT=1"], {"env.COUNT": "1"}),
        (["env.ON=true"], {"env.ON": "true"}),
        (["env.GONE=null"], {"env.GONE": None}),
        ([" env.COUNT =1"], {"env.COUNT": "1"}),
        (["a={not json"], {"a": "{not json"}),
        (["a=NaN"], {"a": "NaN"}),
        (["a=-Infinity"], {"a": "-Infinity"}),
        (["a=[NaN]"], {"a": "[NaN]"}),
        (["a=1", "b=2", "a=3"], {"a": 3, "b": 2}),
        (["ключ=é"], {"ключ": "é"}),
    ],
)
def test_a_job_variable_is_json_where_it_can_be_and_else_text(
    texts: list[str], expected: dict[str, Any]
) -> None:
    """The last of the same name counts."""
    variables = job_variables(texts)

    assert variables == expected
    assert [type(value) for value in variables.values()] == [
        type(value) for value in expected.values()
    ]


@pytest.mark.parametrize("text", ["", "a", "=b", " =b", "{}"])
def test_a_job_variable_needs_a_name_and_a_sign(text: str) -> None:
    """The hint shows both."""
    with pytest.raises(UsageError, match="cannot use --job-variable") as caught:
        job_variables([text])

    assert "key=value" in (caught.value.hint or "")


def test_an_image_name_is_read_or_refused_by_its_option() -> None:
    """With the grammar in the hint."""
    assert str(image_name("team/app:v1", "--image")) == "team/app:v1"

    with pytest.raises(UsageError, match="cannot use --base") as caught:
        image_name("my image", "--base")
    assert caught.value.causes[0].startswith("'my image' is not an image name: only ASCII")
    assert "[registry/]name[:tag]" in (caught.value.hint or "")
