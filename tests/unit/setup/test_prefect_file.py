"""A deployment added to a prefect.yaml: its own lines change, and all else stays to the byte."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from imagebuild.setup.answers import Answers, entry
from imagebuild.setup.prefect_file import found, new_file, shares, with_entry
from imagebuild.setup.yaml_text import BadYaml
from tests.unit.values import name

PUSHED = entry(Answers("flow.py:hello", "hello", "dock", name("reg.example/hello:v1"), push=True))
LOCAL = entry(Answers("flow.py:hello", "hello", "dock", name("hello"), push=False))

TEXT = """\
# head
name:   "x"   # odd   spacing
definitions:
  pools: &pool {name: p, work_queue_name: q}
build: null
deployments:
    -   name: other   # c1
        work_pool: *pool
        description: |
          long
          text

        # trailing of other
    # at the dash
    -   name: hello
        entrypoint: old.py:x
        tags: [a,   b]   # theirs
        work_pool:
          <<: *pool
          job_variables: {env: {A: 1}}
        schedules:
        -  cron: "0 0 * * *"

# tail
pull: null
"""


def added(before: str, after: str) -> str:
    """What is in `after` in one piece, and all else of it is `before`."""
    start = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), None)
    start = min(len(before), len(after)) if start is None else start
    end = len(before) - start
    assert before[start:] == (after[-end:] if end else ""), after
    return after[start : len(after) - end]


def test_a_new_file_has_one_deployment_with_our_steps() -> None:
    """The reference that was pushed is what the deployment runs; no step has `requires`."""
    text = new_file("hello", PUSHED)
    file = yaml.safe_load(text)
    [deployment] = file["deployments"]

    assert text.startswith("# Deployments of this project")
    assert (file["name"], deployment) == ("hello", PUSHED)
    assert deployment["work_pool"] == {
        "name": "dock",
        "job_variables": {"image": "{{ push-image.reference }}"},
    }
    assert deployment["build"] == [
        {
            "imagebuild.steps.build_docker_image": {
                "id": "build-image",
                "image_name": "reg.example/hello",
                "dockerfile": "auto",
                "tag": "v1",
            }
        }
    ]
    assert "requires" not in text


def test_without_a_push_the_built_image_is_what_runs() -> None:
    """And there is no push section."""
    [deployment] = yaml.safe_load(new_file("hello", LOCAL))["deployments"]

    assert deployment["work_pool"]["job_variables"]["image"] == "{{ build-image.reference }}"
    assert "push" not in deployment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only a comment\n",
        "name: x\n",
        "name: x\n\n# the end\n",
        "name: 'x'\ndeployments:\n",
        "deployments:  # mine\n\npull: null\n",
        "deployments:\n- name: o\n",
        "deployments:\n- name: o\n  description: >\n    folded\n\n    text\n\nname: x\n",
        "deployments:\n  -   name:   o   # odd\n      tags: [a,\n         b]\n# at the left\n",
        "deployments:\n  - name: o\n    # of o\n  # at the dash\nname: x\n",
        "deployments:\n- name: o\n  pull: null\n- &two\n  name: two\n",
        "a: 1\r\ndeployments:\r\n- name: o\r\n\r\nb: 2\r\n",
        TEXT.replace("name: hello", "name: theirs"),
    ],
)
def test_what_is_added_is_all_that_changes(text: str) -> None:
    """To the byte: comments, blanks, quotes, line ends."""
    made = with_entry(text, PUSHED)
    block = added(text, made)

    assert yaml.safe_load(made)["deployments"][-1] == PUSHED
    assert block.count("\n") == block.count("\r\n") or "\r" not in block
    assert "name: hello" in block


@pytest.mark.parametrize(
    "text", ["name: x", "deployments: []  # mine\nx: 1\n", "deployments: null"]
)
def test_what_is_in_the_way_is_replaced(text: str) -> None:
    """A line without an end, an empty list, a null; the comment stays."""
    made = with_entry(text, PUSHED)

    assert yaml.safe_load(made)["deployments"] == [PUSHED]
    assert ("# mine" in text) == ("# mine" in made)


@pytest.mark.parametrize(
    "text",
    [
        "deployments: [{name: o}]\n# c\nname: 'x'\n",
        "{name: 'x', deployments: [{name: o}]}\n",
        "{name: 'x', deployments: null}\n",
        "deployments:\n- {name: hello, tags: [a]}  # c\nname: 'x'\n",
    ],
)
def test_a_layout_in_brackets_is_written_anew_with_all_that_it_says(text: str) -> None:
    """Comments and quotes stay; only the layout is another."""
    before, made = yaml.safe_load(text), with_entry(text, PUSHED)
    after = yaml.safe_load(made)

    assert after["name"] == before["name"]
    assert after["deployments"][-1].items() >= PUSHED.items()
    assert ("# c" in text) == ("# c" in made)
    assert "'x'" in made


def test_a_deployment_of_the_name_keeps_what_is_not_ours() -> None:
    """Its tags and schedules to the byte, its work pool's queue and variables by their values."""
    made = with_entry(TEXT, PUSHED)
    other, hello = yaml.safe_load(made)["deployments"]
    head, _, rest = TEXT.partition("        entrypoint: old.py:x\n")

    assert made.startswith(head)
    assert made.endswith(
        '        tags: [a,   b]   # theirs\n        schedules:\n        -  cron: "0 0 * * *"\n'
        "\n# tail\npull: null\n"
    )
    assert rest.endswith("\n# tail\npull: null\n")
    assert other == yaml.safe_load(TEXT)["deployments"][0]
    assert hello["work_pool"] == {
        "name": "dock",
        "work_queue_name": "q",
        "job_variables": {"env": {"A": 1}, "image": "{{ push-image.reference }}"},
    }
    assert (hello["tags"], hello["entrypoint"]) == (["a", "b"], "flow.py:hello")


def test_a_push_goes_where_none_is_wanted_any_more() -> None:
    """And comes back."""
    once = with_entry(TEXT, PUSHED)
    local = with_entry(once, LOCAL)

    assert "push" not in yaml.safe_load(local)["deployments"][1]
    assert with_entry(local, PUSHED) == once
    assert with_entry(once, PUSHED) == once


def test_a_deployment_is_shown_as_it_stands() -> None:
    """From its dash to its last line; None where there is none."""
    shown = found(TEXT, "hello")

    assert shown is not None
    assert shown.splitlines()[0] == "    -   name: hello"
    assert shown.splitlines()[-1] == '        -  cron: "0 0 * * *"'
    assert found(TEXT, "nobody") is None
    assert found("", "hello") is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: [", "line 1"),
        ("a: 1\na: 2\n", "duplicate key"),
        ("- a\n", "not a mapping"),
        ("just text", "not a mapping"),
        ("deployments: {name: x}\n", "not a list of mappings"),
        ("deployments: [x]\n", "not a list of mappings"),
        ("a: 1\n---\nb: 2\n", "document"),
        ("a: &x [*x]\nb: *y\n", "alias"),
        ("\tname: x\n", "line 1"),
        ("deployments:\n- name: hello\n- name: hello\n", "2 deployments have the name 'hello'"),
    ],
)
def test_what_is_no_such_file_is_refused(text: str, why: str) -> None:
    """With the reason and, where it is one of YAML, the line."""
    with pytest.raises(BadYaml) as refused:
        found(text, "hello")
    assert why in str(refused.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", False), ("push: null\n", False), ("push:\n- a.b: {}\n", True)],
)
def test_a_push_for_all_is_known(text: str, expected: bool) -> None:
    """Prefect runs it for a deployment that has none, whether it wants to or not."""
    assert shares(text, "push") is expected


def test_values_that_yaml_takes_for_something_else_are_quoted() -> None:
    """A deployment may be called `no`, or `1.0`, or with a colon."""
    odd_ones = "no|1.0|0:30|1_000|~|=|<<|2026-01-01|0x1f|a: b|# x|{{ x }}|[x]|*x|!x|ü ' \""
    for text in odd_ones.split("|"):
        odd: dict[str, Any] = {**PUSHED, "name": text}
        assert yaml.safe_load(new_file(text, odd)) == {"name": text, "deployments": [odd]}
        assert found(with_entry("", odd), text) is not None
