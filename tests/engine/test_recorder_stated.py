"""What a file states of a deployment, on a real Prefect server: as `prefect deploy` leaves it."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from imagebuild.errors import UsageError
from imagebuild.record import Described, Record, Schedule, Target
from imagebuild.recorders.prefect import PrefectRecorder
from tests.support.recording import Bench

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.prefect_stack import PrefectServer
    from tests.support.proxies import RecordingProxy

Json = dict[str, Any]
FLOW = '''
from prefect import flow

@flow
def hello(name: str = "you", number: int = 1):
    """Says hello."""
'''
SCHEMA = {
    "title": "Parameters",
    "type": "object",
    "properties": {"name": {"type": "string"}, "number": {"type": "integer"}},
}
STEP = {"prefect.deployments.steps.set_working_directory": {"directory": "/opt/prefect/app"}}
SIX: Json = {
    "schedule": {"cron": "0 6  * * *", "timezone": "Europe/Berlin", "day_or": False},
    "slug": "six",
    "parameters": {"number": 6},
}
HOURLY: Json = {
    "schedule": {"interval": 3600, "anchor_date": "2025-01-01T00:00:00+02:00"},
    "active": False,
}
DAILY: Json = {"schedule": {"interval": "P1D"}}
RULE: Json = {"schedule": {"rrule": "FREQ=WEEKLY;BYDAY=MO", "timezone": "America/New_York"}}
STATED: Json = {
    "tags": ["b", "a"],
    "parameters": {"name": "me", "number": 2},
    "description": "as the file says",
    "schedules": [SIX, HOURLY, DAILY, RULE],
    "paused": True,
    "concurrency_limit": 3,
    "concurrency_options": {"collision_strategy": "CANCEL_NEW"},
    "enforce_parameter_schema": False,
    "work_queue_name": "fast",
    "pull_steps": [STEP],
    "version": "1.2.3",
}
DONE: Json = {
    "expect": ["prefect.flow-run.Completed", "prefect.flow-run.Crashed"],
    "match_related": {"prefect.resource.name": "upstream"},
    "parameters": {"name": "{{ event.id }}"},
}
TRIGGERS: tuple[Json, ...] = (
    DONE,
    {"name": "quiet", "enabled": False, "posture": "Proactive", "within": 60, "threshold": 2},
    {
        "name": "both",
        "type": "compound",
        "require": "all",
        "within": 3600,
        "triggers": [
            {"type": "event", "expect": ["one"], "match": {"prefect.resource.id": ["b", "a"]}},
            {"type": "event", "expect": ["two"]},
        ],
        "schedule_after": 30,
    },
)
_OWN = {"id", "created", "updated"}  # of each automation and schedule


def automations_of(bench: Bench) -> list[Json]:
    """All that run the deployment, as the server has them."""
    path = f"/automations/related-to/prefect.deployment.{bench.held['id']}"
    found: list[Json] = bench.api.request("GET", path)
    return found


@pytest.fixture
def bench(
    prefect_server: PrefectServer,
    recorded_prefect: tuple[RecordingProxy, str],
    docker_pool: str,
    tmp_path: Path,
) -> Iterator[Bench]:
    """A bench whose deployment is not there yet."""
    proxy, url = recorded_prefect
    target = Target("hello", f"stated-{uuid.uuid4().hex[:12]}", docker_pool)
    env = {**prefect_server.environment(), "PREFECT_API_URL": url}
    with PrefectRecorder(env, tmp_path) as recorder:
        yield Bench(recorder, prefect_server.api, proxy, target)


@pytest.fixture
def record(tmp_path: Path) -> Record:
    """A record of a pushed image, with all that a file can state but its triggers."""
    (tmp_path / "flow.py").write_text(FLOW)
    return Record(
        "reg.example/app:1",
        pushed=True,
        entrypoint="flow.py:hello",
        directory="/opt/prefect/app",
        version="1.2.3",
        version_given=True,
        source=str(tmp_path),
        described=Described(SCHEMA, "Says hello."),
        stated=STATED,
    )


def _bare(value: Any, *, inside: bool = False) -> Any:
    """Without what is each object's own, and with sets in one order."""
    if isinstance(value, dict):
        return {
            key: sorted(item) if key in {"expect", "after"} else _bare(item, inside=True)
            for key, item in value.items()
            if not (inside and key in _OWN | {"deployment_id"})
            # Of an interval without one, the server takes the moment that it is told of it.
            and not (key == "anchor_date" and value["interval"] == 86400)
        }
    if isinstance(value, list):
        bare = [_bare(one, inside=True) for one in value]
        return sorted(bare, key=json.dumps) if bare and isinstance(bare[0], dict) else bare
    return value


PREFECT_YAML = """
deployments:
- name: NAME
  entrypoint: flow.py:hello
  tags: [b, a]
  parameters: {name: me, number: 2}
  description: as the file says
  version: 1.2.3
  paused: true
  concurrency_limit: {limit: 3, collision_strategy: CANCEL_NEW}
  enforce_parameter_schema: false
  schedules:
  - {cron: "0 6  * * *", timezone: Europe/Berlin, day_or: false, slug: six, parameters: {number: 6}}
  - {interval: 3600, anchor_date: "2025-01-01T00:00:00+02:00", active: false}
  - {interval: P1D}
  - {rrule: "FREQ=WEEKLY;BYDAY=MO", timezone: America/New_York}
  triggers: TRIGGERS
  work_pool:
    name: POOL
    work_queue_name: fast
    job_variables: {image: "reg.example/app:1"}
  pull:
  - prefect.deployments.steps.set_working_directory: {directory: /opt/prefect/app}
"""


def test_a_new_deployment_is_as_prefect_deploy_leaves_it(
    bench: Bench, record: Record, prefect_server: PrefectServer, tmp_path: Path
) -> None:
    """Field by field; only what is each deployment's own differs, so theirs needs no change."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "flow.py").write_text(FLOW)
    theirs = f"{bench.target.name}-theirs"
    text = PREFECT_YAML.replace("NAME", theirs).replace("POOL", bench.target.pool or "")
    (folder / "prefect.yaml").write_text(text.replace("TRIGGERS", json.dumps(TRIGGERS)))
    ran = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"],
        cwd=folder,
        env=prefect_server.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    wish = dataclasses.replace(record, described=None, triggers=TRIGGERS)
    bench.deploy(wish)
    ours, other = bench.held, bench.api.deployment(f"hello/{theirs}")
    differ = {key for key in ours | other if _bare(ours.get(key)) != _bare(other.get(key))}
    its_own = {"id", "name", "created", "updated", "global_concurrency_limit"}
    assert differ <= its_own, {key: (ours.get(key), other.get(key)) for key in differ - its_own}
    assert ours["global_concurrency_limit"]["limit"] == 3
    path = f"/automations/related-to/prefect.deployment.{other['id']}"
    made = json.dumps(bench.api.request("GET", path)).replace(theirs, bench.target.name)
    assert _bare(automations_of(bench)) == _bare(json.loads(made))
    assert len(automations_of(bench)) == len(TRIGGERS)
    bench.target = dataclasses.replace(bench.target, name=theirs)
    assert bench.change(wish).fields == {}


def test_what_stands_already_is_not_written_again(bench: Bench, record: Record) -> None:
    """Neither the fields, nor the schedules, nor the automations."""
    wish = dataclasses.replace(record, triggers=TRIGGERS)
    bench.deploy(wish)
    assert bench.writes.count("POST schedules") == 1
    before, automations = bench.held, automations_of(bench)
    bench.deploy(wish)
    assert bench.writes == []
    assert (bench.held, automations_of(bench)) == (before, automations)


def test_what_is_stated_replaces_what_is_there_and_the_rest_stays(
    bench: Bench, record: Record
) -> None:
    """On a deployment that somebody made otherwise, in each of its fields."""
    bench.deploy(dataclasses.replace(record, stated={}))
    path = f"/deployments/{bench.held['id']}"
    extra = {"schedule": {"cron": "0 1 * * *"}, "active": True}
    bench.api.request("POST", f"{path}/schedules", [extra])
    bench.api.request("PATCH", path, {"tags": ["x"], "parameters": {"name": "x"}, "paused": True})
    bench.deploy(dataclasses.replace(record, stated={"description": "new"}))
    held = bench.held
    assert (held["description"], held["tags"], held["paused"]) == ("new", ["x"], True)
    assert (held["parameters"], len(held["schedules"])) == ({"name": "x"}, 1)
    assert "the schedule cron '0 1 * * *' goes" in bench.change(record).notes
    bench.deploy(record)
    held = bench.held
    assert (held["tags"], held["parameters"]) == (STATED["tags"], STATED["parameters"])
    assert (held["work_queue_name"], held["enforce_parameter_schema"]) == ("fast", False)
    assert held["global_concurrency_limit"]["limit"] == 3
    assert held["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
    assert len(held["schedules"]) == 4
    bench.deploy(record)
    assert bench.writes == []
    nothing: Json = {
        "tags": [],
        "parameters": {},
        "description": None,
        "schedules": [],
        "paused": False,
    }
    none = {"concurrency_limit": None, "concurrency_options": None}
    bench.deploy(dataclasses.replace(record, stated={**nothing, **none}, triggers=()))
    held = bench.held
    assert {key: held[key] for key in nothing} == nothing
    assert held["global_concurrency_limit"] is None
    assert automations_of(bench) == []
    bench.deploy(dataclasses.replace(record, stated={**nothing, **none}, triggers=()))
    assert bench.writes == []


def test_a_schedule_keeps_its_id_and_its_pause_unless_the_file_says_it(
    bench: Bench, record: Record
) -> None:
    """Also where it gets another slug, and where another is given by an option on top."""
    bench.deploy(record)
    path = f"/deployments/{bench.held['id']}/schedules"
    (six,) = (one for one in bench.held["schedules"] if one["slug"] == "six")
    bench.api.request(
        "PATCH", f"{path}/{six['id']}", {"active": False, "parameters": {"number": 6}}
    )
    bench.deploy(record)
    assert bench.writes == []
    seven = {**SIX, "schedule": {"cron": "0 7 * * *"}, "slug": "seven", "replaces": "six"}
    option = (Schedule("cron", "0 8 * * *"),)
    stated = {**STATED, "schedules": [seven]}
    wish = dataclasses.replace(record, stated=stated, schedules=option)
    bench.deploy(wish)
    held = {one["slug"]: one for one in bench.held["schedules"]}
    assert set(held) == {"seven", "imagebuild-1"}
    assert (held["seven"]["id"], held["seven"]["active"]) == (six["id"], False)
    assert held["seven"]["schedule"]["cron"] == "0 7 * * *"
    bench.deploy(wish)
    assert bench.writes == []
    active = {**STATED, "schedules": [{**seven, "active": True}]}
    bench.deploy(dataclasses.replace(record, stated=active))
    (only,) = bench.held["schedules"]
    assert (only["id"], only["active"], only["parameters"]) == (six["id"], True, {"number": 6})


def test_only_the_deployments_own_automations_are_replaced(bench: Bench, record: Record) -> None:
    """What somebody else made to run it stays, and is no reason to write again."""
    bench.deploy(record)
    run = {"type": "run-deployment", "source": "selected", "deployment_id": bench.held["id"]}
    theirs = {
        "name": "somebody's",
        "trigger": {"type": "event", "expect": ["x"], "posture": "Reactive", "threshold": 1},
        "actions": [run],
    }
    bench.api.request("POST", "/automations/", theirs)
    bench.deploy(dataclasses.replace(record, triggers=TRIGGERS))
    names = {"both", "quiet", f"{bench.target.name}__automation_1", "somebody's"}
    assert {one["name"] for one in automations_of(bench)} == names
    bench.deploy(dataclasses.replace(record, triggers=TRIGGERS[:2]))
    assert {one["name"] for one in automations_of(bench)} == names - {"both"}
    bench.deploy(record)
    assert bench.writes == []
    bench.deploy(dataclasses.replace(record, triggers=()))
    assert {one["name"] for one in automations_of(bench)} == {"somebody's"}


@pytest.mark.parametrize(
    ("trigger", "said"),
    [
        ({"expect": ["x"], "thresold": 3}, "no field 'thresold'"),
        ({"posture": "Sometimes", "name": "odd"}, "the trigger 'odd'"),
        ({"type": "sequence"}, "trigger 1"),
        ({"type": "nonsense"}, "trigger 1"),
    ],
)
def test_a_trigger_that_prefect_would_refuse_or_half_drop_is_refused(
    bench: Bench, record: Record, trigger: Json, said: str
) -> None:
    """Before anything is built, with the reason that Prefect gives."""
    with pytest.raises(UsageError, match=said) as caught:
        bench.change(dataclasses.replace(record, triggers=(trigger,)))
    assert caught.value.causes


def test_without_an_image_nothing_of_it_is_recorded(bench: Bench, record: Record) -> None:
    """The deployment runs its pool's default, or what it ran; and the change says which."""
    bare = dataclasses.replace(record, image=None, pushed=False, job_variables={"env": {"A": "1"}})
    change = bench.change(bare)
    assert change.runs is None
    assert any("Prefect's own image" in note for note in change.notes)
    bench.deploy(bare)
    assert bench.held["job_variables"] == {"env": {"A": "1"}}
    bench.deploy(bare)
    assert bench.writes == []
    bench.deploy(record)
    assert bench.change(bare).runs == record.image
    bench.deploy(bare)
    assert bench.writes == []
