"""Placeholders, against Prefect's own reading of them."""

from __future__ import annotations

from typing import Any

import pytest

from imagebuild.prefect.file import Step
from imagebuild.prefect.outputs import LATER, of_image, promised, together
from imagebuild.prefect.templating import Filling, Unfilled, block_value, placeholders
from imagebuild.prefect.world import World
from imagebuild.recorders.memory import MemoryRecorder

OUTPUTS: dict[str, Any] = {
    "build-image": {"tag": "v1", "additional_tags": ["a", "b"], "count": 3},
    "tag": "v1",
    "nested": {"list": [{"key": "inner"}], "none": None, "flag": False},
    "stdout": "abc",
}

TEMPLATES: list[Any] = [
    "plain",
    "{{ tag }}",
    "{{tag}}",
    "{{   tag   }}",
    "a-{{ tag }}-b",
    "{{ tag }}{{ tag }}",
    "{{ build-image.tag }}",
    "{{ build-image.additional_tags }}",
    "tags: {{ build-image.additional_tags }}",
    "{{ build-image.additional_tags[1] }}",
    "{{ build-image.count }}",
    "n{{ build-image.count }}",
    "{{ nested.list[0].key }}",
    "{{ nested.flag }}",
    "{{ nested.none }}",
    "x{{ nested.none }}",
    "{{ tag | upper }}",
    "{{ tag",
    "{ tag }",
    "{{}}",
    "{{ $FROM_ENV }}",
    "x-{{ $FROM_ENV }}",
    {"key": ["{{ tag }}", {"inner": "{{ build-image.count }}"}], "n": 1, "f": 1.5, "b": True},
    ["{{ tag }}", None, 5],
    5,
    None,
    True,
    "",
]


@pytest.mark.parametrize("template", TEMPLATES, ids=str)
def test_what_is_known_is_filled_as_prefect_fills_it(
    template: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Same values, same types."""
    from prefect.utilities.templating import apply_values

    monkeypatch.setenv("FROM_ENV", "of the environment")
    world = World({"FROM_ENV": "of the environment"}, MemoryRecorder())
    filling = Filling(world.look_up(OUTPUTS))

    assert filling.fill(template) == apply_values(template, OUTPUTS)
    assert filling.unfilled == []


@pytest.mark.parametrize("template", TEMPLATES, ids=str)
def test_a_pull_step_is_filled_as_prefect_fills_it(
    template: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what nobody knows left for the run."""
    from prefect.utilities.templating import apply_values

    monkeypatch.setenv("FROM_ENV", "of the environment")
    world = World({"FROM_ENV": "of the environment"}, MemoryRecorder())
    unknown = [
        "{{ clone.directory }}",
        "{{ $NOT_SET }}",
        "{{ prefect.blocks.secret.x }}",
        "{{ ctx.a }}",
    ]
    steps = {"step": template, **{f"k{number}": text for number, text in enumerate(unknown)}}

    filled = Filling(world.look_up_for_runs(OUTPUTS)).fill(steps)

    assert filled == apply_values(steps, OUTPUTS, remove_notset=False)
    assert [filled[f"k{number}"] for number in range(len(unknown))] == unknown


@pytest.mark.parametrize(
    ("template", "name", "why"),
    [
        ("{{ nope }}", "nope", "no step gives it"),
        ("a-{{ nope }}", "nope", "no step gives it"),
        (
            "{{ build-imag.tag }}",
            "build-imag.tag",
            "no step gives it; did you mean build-image.tag?",
        ),
        ("{{ nested.list[7].key }}", "nested.list[7].key", "no step gives it"),
        ("{{ $NOPE }}", "$NOPE", "the environment has no variable NOPE"),
        ("{{ prefect.variables.x }}", "prefect.variables.x", "Prefect has no variable 'x'"),
        (
            "{{ prefect.blocks.secret.x }}",
            "prefect.blocks.secret.x",
            "Prefect has no block 'x' of type 'secret'",
        ),
        (
            "{{ prefect.blocks.json.there.key }}",
            "prefect.blocks.json.there.key",
            "the block json/there has no key",
        ),
    ],
)
def test_what_nothing_fills_is_named_with_its_place(template: str, name: str, why: str) -> None:
    """Prefect writes nothing in its place, and says so in a log line at most."""
    recorder = MemoryRecorder()
    recorder.blocks["json/there"] = {"value": {"other": 1}}
    world = World({}, recorder)
    filling = Filling(world.look_up(OUTPUTS))

    assert filling.fill({"a": [template]}) == {"a": [template]}
    assert filling.unfilled == [Unfilled(name, ("a", 0))]
    assert world.why(name, OUTPUTS).startswith(why)


@pytest.mark.parametrize(
    ("data", "path", "value"),
    [
        ({"value": "secret"}, None, "secret"),
        ({"value": {"key": {"nested-key": "v"}}}, "key.nested-key", "v"),
        ({"value": {"key": {"nested-key": "v"}}}, "value.key.nested-key", "v"),
        ({"value": {"values": 1}}, "values", 1),
        ({"value": [{"list-key": "v"}]}, "value[0].list-key", "v"),
        ({"username": "u", "password": "p"}, "password", "p"),
        ({"username": "u", "password": "p"}, None, {"username": "u", "password": "p"}),
    ],
)
def test_a_block_gives_what_prefect_takes_of_it(
    data: dict[str, Any], path: str, value: Any
) -> None:
    """One that holds a value and nothing else stands for it."""
    assert block_value(data, path) == value


def test_each_variable_and_block_is_asked_for_once() -> None:
    """However often it stands in the file."""
    asked: list[str] = []

    class Counting(MemoryRecorder):
        def variable(self, name: str) -> dict[str, Any]:
            asked.append(name)
            return {"value": ["of", "Prefect"]}

    world = World({}, Counting())
    filling = Filling(world.look_up({}))
    text = "{{ prefect.variables.x }}"

    assert filling.fill([text, text, f"a {text}"]) == [
        ["of", "Prefect"],
        ["of", "Prefect"],
        "a ['of', 'Prefect']",
    ]
    assert asked == ["x"]


def test_a_block_with_several_values_stands_in_no_text() -> None:
    """There is no one way to write it."""
    recorder = MemoryRecorder()
    recorder.blocks["json/all"] = {"value": {"a": 1}}
    filling = Filling(World({}, recorder).look_up({}))
    filling.fill("x {{ prefect.blocks.json.all }}")

    assert "name one of its values" in filling.unfilled[0].why


def test_what_a_run_fills_is_left_for_it() -> None:
    """`ctx` is known only then."""
    filling = Filling(World({}, MemoryRecorder()).look_up({}))

    assert filling.fill("run {{ ctx.flow_run.name }}") == "run {{ ctx.flow_run.name }}"
    assert filling.unfilled == []


def test_steps_promise_what_they_will_give() -> None:
    """Of a step that is not known here, everything."""
    shell = Step("prefect.deployments.steps.run_shell_script", {}, "hash")
    other = Step("mine.steps.make", {}, "made")

    assert together([(shell, promised(shell))]) == {
        "hash": {"stdout": LATER, "stderr": LATER},
        "stdout": LATER,
        "stderr": LATER,
    }
    outputs = together([(shell, promised(shell)), (other, promised(other))])
    assert outputs["made"]["anything"] == LATER
    assert outputs["whatever"] == LATER
    assert set(of_image(None)) >= {"image", "image_name", "tag", "digest", "reference"}


def test_placeholders_are_found_wherever_they_stand() -> None:
    """In tables and lists, several in one text."""
    found = list(placeholders({"a": ["{{ x }}{{ y.z }}"], "b": {"c": "{{ $E }}"}, "d": 1}))

    assert found == ["x", "y.z", "$E"]
