"""Options as they are typed: names, pairs, secrets, agents, schedules."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from imagebuild.cli import reading
from imagebuild.cli.reading import image_name
from imagebuild.errors import UsageError
from imagebuild.record import Schedule, Target
from imagebuild.request import Secret

HERE = Path("/src/app")


def job_variables(texts: list[str]) -> dict[str, Any]:
    """What `--job-variable` reads."""
    return reading.json_pairs(texts, "--job-variable", "key=value")


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


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], {}),
        (["A=1", "B="], {"A": "1", "B": ""}),
        (["A=x=y", "A=z"], {"A": "z"}),
        (["A=true"], {"A": "true"}),
        (["A= $HOME \\"], {"A": " $HOME \\"}),
        (["A=line\nline"], {"A": "line\nline"}),
    ],
)
def test_a_pair_is_text_as_it_is(texts: list[str], expected: dict[str, str]) -> None:
    """Nothing in a value means anything."""
    assert reading.pairs(texts, "--env", "A=b") == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("A=1", {"A": "1"}), ("TOKEN", {"TOKEN": "t"}), ("A=", {"A": ""})]
)
def test_a_build_argument_without_a_value_has_the_environments(
    text: str, expected: dict[str, str]
) -> None:
    """As docker has it."""
    assert reading.build_args([text], {"TOKEN": "t"}) == expected


def test_a_build_argument_that_nobody_set_is_refused() -> None:
    """Docker builds without it, in silence."""
    with pytest.raises(UsageError, match="cannot use --build-arg GONE"):
        reading.build_args(["GONE"], {})


@pytest.mark.parametrize("text", ["", "a b", "a:b", ".a", "a@b", "a" * 129, "a\n"])
def test_a_tag_that_is_none_is_refused(text: str) -> None:
    """The hint tells the image's tags from the deployment's."""
    with pytest.raises(UsageError, match="cannot use --tag") as caught:
        reading.image_tags([text])

    assert "--deployment-tag" in (caught.value.hint or "")


def test_tags_are_tags() -> None:
    """In their order."""
    assert reading.image_tags(["v1", "latest", "a.B-c_1"]) == ("v1", "latest", "a.B-c_1")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id=a,src=file", Secret("a", file=HERE / "file")),
        ("id=a,source=file", Secret("a", file=HERE / "file")),
        ("type=file,id=a,src=file", Secret("a", file=HERE / "file")),
        ("id=a,env=TOKEN", Secret("a", variable="TOKEN")),
        ("id=a,type=env,env=TOKEN", Secret("a", variable="TOKEN")),
        ("id=a,type=env,src=TOKEN", Secret("a", variable="TOKEN")),
        ("id=TOKEN", Secret("TOKEN", variable="TOKEN")),
    ],
)
def test_a_secret_is_a_file_or_a_variable(
    text: str, expected: Secret, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As docker writes them; no value is read here."""
    monkeypatch.setattr(Path, "is_file", lambda path: path == HERE / "file")

    assert reading.secret(text, HERE, {"TOKEN": "canary"}) == expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "cannot use --secret"),
        ("src=file", "cannot use --secret"),
        ("id=a,src=file,env=TOKEN", "cannot use --secret"),
        ("id=a,nope=1", "cannot use --secret"),
        ("id=a,type=nope", "cannot use --secret"),
        ("id=a,src=gone", "there is no file gone for the secret a"),
        ("id=a,env=GONE", "the environment has no variable GONE for the secret a"),
        ("id=a", "the environment has no variable a for the secret a"),
    ],
)
def test_a_secret_that_cannot_be_had_is_refused_before_anything_is_built(
    text: str, told: str
) -> None:
    """And its value is in no message."""
    with pytest.raises(UsageError, match=told) as caught:
        reading.secret(text, HERE, {"TOKEN": "canary"})

    assert "canary" not in f"{caught.value.message} {caught.value.causes} {caught.value.hint}"


def test_an_agent_is_a_socket(tmp_path: Path) -> None:
    """The one that ssh uses, unless another is named."""
    with socket.socket(socket.AF_UNIX) as agent:
        agent.bind(str(tmp_path / "agent"))
        env = {"SSH_AUTH_SOCK": str(tmp_path / "agent")}
        texts = ["default", f"git={tmp_path}/agent"]
        found = reading.agents(texts, env)

    assert found == {"default": (tmp_path / "agent",), "git": (tmp_path / "agent",)}


def test_a_private_key_can_stand_for_an_agent(tmp_path: Path) -> None:
    """Or several of them, as docker has it."""
    one, other = tmp_path / "one", tmp_path / "other"
    one.touch()
    other.touch()
    assert reading.agents([f"default={one}", f"git={one},{other}"], {}) == {
        "default": (one,),
        "git": (one, other),
    }


@pytest.mark.parametrize(
    ("text", "hint"), [("default", "ssh-agent"), ("id=gone", "keys"), ("id=file,gone", "keys")]
)
def test_an_agent_that_is_not_there_is_refused(
    text: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hint says how to get one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="--ssh") as caught:
        reading.agents([text], {})

    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30", 30), ("90s", 90), ("15m", 900), ("6h", 21600), ("1d", 86400), ("1.5h", 5400)],
)
def test_an_interval_is_in_seconds_or_has_its_unit(text: str, seconds: float) -> None:
    """As a person writes it."""
    assert reading.schedules([], [text], [], None) == (Schedule("interval", seconds),)


@pytest.mark.parametrize("text", ["", "0", "-1", "5x", "m", "0s", "1e3"])
def test_an_interval_that_is_none_is_refused(text: str) -> None:
    """With what can be written."""
    with pytest.raises(UsageError, match="cannot use --interval"):
        reading.schedules([], [text], [], None)


def test_schedules_of_every_kind_are_in_one_time_zone() -> None:
    """Which means nothing without a schedule."""
    found = reading.schedules(["0 6 * * *"], ["1d"], ["FREQ=DAILY"], "Europe/Berlin")

    assert [(schedule.kind, schedule.timezone) for schedule in found] == [
        ("cron", "Europe/Berlin"),
        ("interval", "Europe/Berlin"),
        ("rrule", "Europe/Berlin"),
    ]
    with pytest.raises(UsageError, match="--timezone Europe/Berlin is of no schedule"):
        reading.schedules([], [], [], "Europe/Berlin")


def test_a_deployment_is_named_with_its_flow() -> None:
    """As Prefect shows it."""
    assert reading.deployment("my flow/prod", "pool") == Target("my flow", "prod", "pool")


@pytest.mark.parametrize("text", ["", "hello", "/hello", "hello/", "a/b/c"])
def test_a_deployment_that_is_not_named_so_is_refused(text: str) -> None:
    """The hint says where its name is shown."""
    with pytest.raises(UsageError, match="cannot use --deployment") as caught:
        reading.deployment(text, None)

    assert "flow/name" in (caught.value.hint or "")


def test_an_image_name_is_read_or_refused_by_its_option() -> None:
    """With the grammar in the hint."""
    assert str(image_name("team/app:v1", "--image")) == "team/app:v1"

    with pytest.raises(UsageError, match="cannot use --base") as caught:
        image_name("my image", "--base")
    assert caught.value.causes[0].startswith("'my image' is not an image name: only ASCII")
    assert "[registry/]name[:tag]" in (caught.value.hint or "")
