"""The way through, on parts in memory: its order, what is left out, and what a failure leaves."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

import pytest

from imagebuild.errors import (
    BuildFailed,
    Denied,
    ImagebuildError,
    Interrupted,
    NotRecorded,
    PushFailed,
    Unreachable,
    UsageError,
)
from imagebuild.events import Event, Note, StageEnded, StageStarted, Warned, ignore
from imagebuild.pipeline import build, deploy, preview, push, record
from imagebuild.plan import CODE_LABEL, Build, Reuse
from imagebuild.preparing import Deploy, foresee, render
from imagebuild.protocols import Parts
from imagebuild.record import Described, Target
from imagebuild.request import DeploymentRequest
from imagebuild.sources.local import LocalSource
from imagebuild.state import Pool
from imagebuild.testing import DOCKER, FakeBuilder, FakeRegistry, MemoryRecorder
from tests.support.command import listing
from tests.unit.values import BASE, DIGEST, OTHER_DIGEST, name, request, write

if TYPE_CHECKING:
    from pathlib import Path

    from imagebuild.events import Emit
    from imagebuild.outcome import Outcome
    from imagebuild.record import Change, Record
    from imagebuild.state import Recorded

# What goes to the deployment's request; `tags` are the image's here.
DEPLOYMENT = {field.name for field in dataclasses.fields(DeploymentRequest)} - {"tags"}
FLOW = "from prefect import flow\n\n@flow\ndef hello(): ...\n"
APP = "reg.example/team/app:v1"


class World:
    """A project and everything around it, in memory."""

    def __init__(self, root: Path) -> None:
        self.root = write(root, {"flow.py": FLOW, "requirements.txt": "emoji\n"})
        self.registry = FakeRegistry()
        self.builder = FakeBuilder(self.registry)
        self.recorder = Recorder()
        self.told: list[Event] = []
        self.asked: list[Change] = []
        self.registry.digests["docker.io/prefecthq/prefect:3-latest"] = DIGEST

    def confirm(self, change: Change) -> None:
        """Keep what was asked."""
        self.asked.append(change)

    @property
    def parts(self) -> Parts:
        """Everything, as the wiring would give it."""
        return Parts(LocalSource(self.root, {}), self.builder, self.registry, self.recorder)

    def deploy(self, image: str | None = APP, **asked: Any) -> Outcome:
        """Deploy, as the command does."""
        wanted = DeploymentRequest(
            **{key: asked.pop(key) for key in list(asked) if key in DEPLOYMENT}
        )
        self.told.clear()
        return deploy(
            request(self.root, image=name(image) if image else None, **asked),
            wanted,
            self.parts,
            self.told.append,
            confirm=self.confirm,
            finish=lambda change: f"record {change.record.image}",
        )

    def refused(self, image: str | None = APP, **asked: Any) -> ImagebuildError:
        """The error of a deploy that fails."""
        with pytest.raises(ImagebuildError) as caught:
            self.deploy(image, **asked)
        return caught.value

    @property
    def stages(self) -> list[str]:
        """The stages as they began and ended."""
        signs = {StageStarted: "+", StageEnded: "-"}
        return [
            signs[type(event)] + event.stage
            for event in self.told
            if isinstance(event, StageStarted | StageEnded)
        ]

    @property
    def done(self) -> tuple[int, int, int]:
        """How often was built, pushed and written."""
        return len(self.builder.built), len(self.registry.pushes), self.recorder.writes

    def image(self, deployment: str = "hello/hello") -> object:
        """What a deployment runs."""
        return self.recorder.deployments[deployment].job_variables["image"]


class Recorder(MemoryRecorder):
    """One that can fail."""

    describing: ImagebuildError | None = None
    applying: BaseException | None = None
    unread = False

    def describe(self, now: Recorded, record: Record, emit: Emit) -> Record:
        if self.describing:
            raise self.describing
        if self.unread:
            return dataclasses.replace(record, version=None)
        return super().describe(now, record, emit)

    def apply(self, change: Change, emit: Emit) -> str:
        if self.applying:
            raise self.applying
        return super().apply(change, emit)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A project that was never deployed."""
    return World(tmp_path / "app")


@pytest.fixture
def deployed(world: World) -> World:
    """A project that was deployed, and then edited."""
    world.deploy()
    write(world.root, {"flow.py": FLOW + "\n# edited\n"})
    return world


def test_the_stages_follow_each_other(world: World) -> None:
    """Each begins when the one before has ended, and says with what."""
    outcome = world.deploy()
    ended = {event.stage: event.detail for event in world.told if isinstance(event, StageEnded)}

    assert world.stages == [
        *("+preflight", "-preflight", "+build", "-build", "+push", "-push", "+record", "-record")
    ]
    assert ended["preflight"] == "hello/hello on the work pool docker"
    assert ended["build"] == f"{APP}, as there is no such image yet"
    assert ended["push"] == f"{APP}, as it is new"
    assert "job_variables" in ended["record"]
    assert set(outcome.seconds) == {"preflight", "build", "push", "record"}


def test_a_push_is_recorded_by_digest(world: World) -> None:
    """The registry has it, the deployment names it, the outcome says it."""
    outcome = world.deploy()
    digest = world.registry.digests[APP]

    assert outcome.reference == world.image() == f"{APP}@{digest}"
    assert (outcome.built, outcome.pushed, outcome.recorded) == (True, True, True)
    assert outcome.deployment == "hello/hello"
    assert outcome.deployment_id == world.recorder.deployments["hello/hello"].id
    assert outcome.pool == "docker"
    assert world.done == (1, 1, 1)


def test_without_a_push_the_name_is_recorded_as_given(world: World) -> None:
    """No registry is asked to take anything, and nobody pulls what is nowhere."""
    outcome = world.deploy("app:latest", push=False)
    variables = world.recorder.deployments["hello/hello"].job_variables

    assert outcome.reference == "app:latest"
    assert variables == {"image": "app:latest", "image_pull_policy": "IfNotPresent"}
    assert "+push" not in world.stages
    assert world.done == (1, 0, 1)


def test_the_deployment_holds_what_a_run_needs(world: World) -> None:
    """The flow's place in the image, the version of the content, and the variables asked for."""
    world.deploy(job_variables={"env": {"A": "1"}}, name="prod")
    held = world.recorder.deployments["hello/prod"]

    assert held.entrypoint == "flow.py:hello"
    assert held.version == world.builder.built[0].version
    assert held.job_variables["env"] == {"A": "1"}
    assert [dict(step) for step in held.pull_steps] == [
        {"prefect.deployments.steps.set_working_directory": {"directory": "/opt/prefect/app"}}
    ]


def test_an_image_without_a_name_or_tag_gets_both(world: World) -> None:
    """The project's name, in the namespace, under the version."""
    world.recorder = Recorder(namespace="reg.example/team")
    outcome = world.deploy(None)
    version = world.builder.built[0].version

    assert str(outcome.reference).startswith(f"reg.example/team/app:{version}@sha256:")


def test_the_image_holds_the_projects_files(world: World) -> None:
    """Under the plan's labels."""
    world.deploy()
    [image] = world.builder.images.values()

    assert image.files["flow.py"] == FLOW.encode()
    assert image.config.labels == world.builder.built[0].labels


@pytest.mark.parametrize("push", [True, False])
def test_nothing_is_done_twice(world: World, push: bool) -> None:
    """A second deploy of the same files builds, pushes and writes nothing."""
    first = world.deploy(push=push)
    done = world.done
    second = world.deploy(push=push)

    assert world.done == done
    assert (second.built, second.pushed or False, second.recorded) == (False, False, False)
    assert (second.reference, second.deployment_id) == (first.reference, first.deployment_id)
    assert second.image_id == first.image_id


def test_only_what_is_missing_is_done(world: World) -> None:
    """The registry lost it: no build. Somebody changed the deployment: no build, no push."""
    world.deploy()
    del world.registry.digests[APP]
    world.deploy()
    assert world.done == (1, 2, 1)

    held = world.recorder.deployments["hello/hello"]
    other = dataclasses.replace(held, job_variables={"image": "other"})
    world.recorder.deployments["hello/hello"] = other
    world.deploy()
    assert world.done == (1, 2, 2)


def test_a_changed_file_is_built_pushed_and_recorded(deployed: World) -> None:
    """And the deployment runs the new digest."""
    before = deployed.image()
    deployed.deploy()

    assert deployed.image() != before
    assert deployed.done == (2, 2, 2)


@pytest.mark.parametrize(
    ("edit", "asked", "is_read"),
    [
        ({"flow.py": FLOW.replace("...", "print(1)")}, {}, False),
        ({"flow.py": FLOW.replace("...", "print(1)")}, {"parameters": {"n": 1}}, False),
        ({"flow.py": FLOW.replace("...", "print(1)")}, {"version": "1.2.3"}, False),
        ({"flow.py": FLOW.replace("...", "print(1)")}, {"cache": False}, True),
        ({"flow.py": FLOW.replace("hello()", "hello(n: int)")}, {}, True),
        ({"flow.py": FLOW + "exec('')"}, {}, True),
        ({"requirements.txt": "emoji\nrich\n"}, {}, True),
    ],
)
def test_parameters_are_read_again_where_they_may_have_changed(
    world: World, edit: dict[str, str], asked: dict[str, Any], is_read: bool
) -> None:
    """The label of the image before tells whether its code told the same of the flow."""
    before, now = ({"properties": {"n": {"title": title}}} for title in ("before", "now"))
    world.recorder.parameters = Described(before)
    world.deploy()
    world.recorder.parameters = Described(now)
    write(world.root, edit)
    outcome = world.deploy(**asked)
    held = world.recorder.deployments["hello/hello"]
    assert held.parameter_schema == (now if is_read else before)
    assert held.version == asked.get("version", outcome.version)


def test_parameters_are_read_until_they_were(deployed: World) -> None:
    """A deployment whose parameters could not be read does not bear its image's version."""
    now: dict[str, Any] = {"properties": {"n": {}}}
    deployed.recorder.unread = True
    deployed.deploy()
    write(deployed.root, {"flow.py": FLOW + "\n# edited again\n"})
    deployed.recorder.unread, deployed.recorder.parameters = False, Described(now)
    deployed.deploy()
    assert deployed.recorder.deployments["hello/hello"].parameter_schema == now


def test_a_value_that_the_flow_does_not_take_is_refused_before_the_build(deployed: World) -> None:
    """By the parameters that the deployment has, where they are still the flow's."""
    error = deployed.refused(parameters={"n": 1})
    assert "takes no parameter 'n'" in error.message
    assert deployed.done == (1, 1, 1)


def test_a_name_that_says_something_else_now_is_built_again(world: World) -> None:
    """Somebody else used it for an image of their own."""
    world.deploy()
    config = world.builder.find(name(APP))
    assert config is not None
    labels = {**config.labels, CODE_LABEL: "0" * 64}
    world.builder.hold(name(APP), dataclasses.replace(config, labels=labels))
    world.deploy()

    assert len(world.builder.built) == 2


def test_nobody_is_asked_but_before_the_build(deployed: World) -> None:
    """Once, with what would change; an answer of no stops everything."""
    deployed.asked.clear()

    def no(change: Change) -> None:
        assert len(deployed.builder.built) == 1
        deployed.asked.append(change)
        message = "stopped"
        raise ImagebuildError(message)

    deployed.confirm = no  # type: ignore[method-assign]
    error = deployed.refused()

    assert error.message == "stopped"
    assert [str(change.target) for change in deployed.asked] == ["hello/hello"]
    assert deployed.done == (1, 1, 1)


@pytest.mark.parametrize(
    "variables", [{"image": "other"}, {"env": {"A": "{{ secret }}"}}, {"env.A": "1", "env": "x"}]
)
def test_a_record_that_cannot_stand_is_refused_before_the_build(
    world: World, variables: dict[str, Any]
) -> None:
    """It would be a pity about the minutes."""
    error = world.refused(job_variables=variables)

    assert type(error) is UsageError
    assert world.done == (0, 0, 0)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"image": "app:v1"}, "cannot push app:v1: the name says no registry"),
        ({"entrypoint": "gone.py:x"}, "there is no file gone.py"),
        ({"entrypoint": "flow.py:gone"}, "flow.py has no flow gone"),
        ({"requirements": "gone.txt"}, "there is no requirements file gone.txt"),
        ({"pool": "gone"}, "there is no work pool 'gone'"),
        ({"pool": "proc"}, "the work pool 'proc' takes no image"),
        ({"template": "gone"}, "there is no template 'gone'"),
        ({"base": name("gone:1")}, "there is no base image gone:1"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_the_build(
    world: World, asked: dict[str, Any], message: str
) -> None:
    """In the preflight, and nothing was changed."""
    world.recorder = Recorder([DOCKER, Pool("proc", "process", {})])
    error = world.refused(**{"pool": "docker", **asked})

    assert error.message.startswith(message)
    assert error.unchanged
    assert world.stages == ["+preflight"]
    assert world.done == (0, 0, 0)


@pytest.mark.parametrize(
    ("first", "unchanged"),
    [(True, "no deployment hello/hello was created"), (False, "the deployment hello/hello still")],
)
@pytest.mark.parametrize("at", ["build", "describe", "push", "registry"])
def test_a_failure_on_the_way_leaves_the_deployment_and_says_so(
    tmp_path: Path, at: str, first: bool, unchanged: str
) -> None:
    """Whichever part fails, and whether there is a deployment yet."""
    world = World(tmp_path / "app")
    if not first:
        world.deploy()
        write(world.root, {"flow.py": FLOW + "\n# edited\n"})
        unchanged = f"{unchanged} runs {world.image()}"
    held, failure = dict(world.recorder.deployments), PushFailed("it failed")
    if at == "describe":
        assert isinstance(world.recorder, Recorder)
        world.recorder.describing = failure
    elif at == "registry":
        world.registry.receive = lambda *_: _raise(failure)  # type: ignore[method-assign]
    else:
        world.builder.failures["build" if at == "build" else "push"] = failure
    error = world.refused()

    assert error is failure
    assert error.unchanged == unchanged
    assert world.recorder.deployments == held


def _raise(error: BaseException) -> Any:
    raise error


@pytest.mark.parametrize(
    ("fault", "kind"), [("reachable", Unreachable), ("denied", Denied), ("platform", BuildFailed)]
)
def test_who_cannot_be_asked_is_found_out_before_the_build(
    deployed: World, fault: str, kind: type[ImagebuildError]
) -> None:
    """Registry and engine are asked in the preflight."""
    if fault == "platform":
        deployed.builder.failures["platform"] = BuildFailed("it is down")
    else:
        setattr(deployed.registry, fault, fault == "denied")
    error = deployed.refused()

    assert type(error) is kind
    assert deployed.stages == ["+preflight"]
    assert deployed.done == (1, 1, 1)


@pytest.mark.parametrize(
    ("image", "push", "state"), [(APP, True, "is in the registry"), ("app:v1", False, "is built")]
)
def test_an_image_that_is_not_recorded_is_named(
    world: World, image: str, push: bool, state: str
) -> None:
    """With its whole reference, and an exit code of its own; a second run does only the rest."""
    assert isinstance(world.recorder, Recorder)
    world.recorder.applying = NotRecorded("not written", causes=("connection refused",))
    error = world.refused(image, push=push)
    reference = f"{image}@{world.registry.digests[image]}" if push else image

    assert type(error) is NotRecorded
    assert error.exit_code == 5
    assert error.message == (
        f"{reference} {state}, and the deployment hello/hello does not name it"
    )
    assert error.causes == ("connection refused",)
    assert error.hint == f"finish with: record {reference}"
    assert error.unchanged

    world.recorder.applying = None
    assert world.deploy(image, push=push).reference == world.image() == reference
    assert world.done == (1, int(push), 1)


@pytest.mark.parametrize("failing", ["describing", "applying", None])
def test_a_local_name_means_the_old_image_until_the_record_stands(
    world: World, failing: str | None
) -> None:
    """The deployment may run that very name at any moment."""
    world.deploy("app:latest", push=False)
    before = world.builder.find(name("app:latest"))
    write(world.root, {"flow.py": FLOW + "\n# edited\n"})
    if failing:
        setattr(world.recorder, failing, NotRecorded("Prefect is away"))
        world.refused("app:latest", push=False)
        assert world.builder.find(name("app:latest")) == before
        setattr(world.recorder, failing, None)
    outcome = world.deploy("app:latest", push=False)
    after = world.builder.find(name("app:latest"))

    assert after is not None
    assert after != before
    assert after.id == outcome.image_id


@pytest.mark.parametrize("interruption", [KeyboardInterrupt(), Interrupted(143)])
def test_an_interrupted_run_says_what_it_left(deployed: World, interruption: BaseException) -> None:
    """And is interrupted, not failed."""
    image = deployed.image()
    deployed.builder.fail_if_told = lambda stage: (  # type: ignore[method-assign]
        _raise(interruption) if stage == "build" else None
    )
    with pytest.raises(type(interruption)):
        deployed.deploy()

    assert deployed.told[-1] == Note(f"the deployment hello/hello still runs {image}")


def test_an_interruption_while_it_is_written_promises_nothing(deployed: World) -> None:
    """The answer may have been lost on the way."""
    assert isinstance(deployed.recorder, Recorder)
    deployed.recorder.applying = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        deployed.deploy()

    assert deployed.told[-1] == Note("whether the deployment hello/hello was changed is not known")


def test_nothing_is_written_into_the_project(world: World) -> None:
    """Neither by a deploy nor by the next."""
    before = listing(world.root), world.root.stat().st_mtime_ns
    world.deploy()
    world.deploy(push=False)

    assert (listing(world.root), world.root.stat().st_mtime_ns) == before


def test_rendering_needs_neither_engine_nor_flow(tmp_path: Path) -> None:
    """The base is named as it was, since nobody was asked what it means now."""
    root = write(tmp_path / "app", {"requirements.txt": "emoji\n"})
    dockerfile = render(request(root, push=False), LocalSource(root, {}), ignore)

    assert dockerfile.startswith(f"FROM {BASE} AS environment\n")
    assert re.search(r"^COPY .*requirements\.txt", dockerfile, re.MULTILINE)


def test_a_deploy_renders_what_it_would_build(world: World) -> None:
    """But for the base's digest."""
    world.deploy()
    [plan] = world.builder.built

    assert plan.environment.base.reference == f"{BASE}@{DIGEST}"
    assert plan.environment.dependencies.sources == ("requirements.txt",)
    assert plan.code.directory == "/opt/prefect/app"


# The parts of the way, each alone


def test_a_build_touches_neither_registry_nor_deployment(world: World) -> None:
    """And has the whole plan's labels and names."""
    asked = request(world.root, image=name(APP), tags=("latest",), push=False)
    outcome = build(asked, world.parts, ignore)

    assert outcome.reference == APP
    assert outcome.names == (APP, "reg.example/team/app:latest")
    assert (outcome.built, outcome.pushed, outcome.recorded) == (True, None, None)
    assert {world.builder.names[each] for each in outcome.names} == {outcome.image_id}
    assert world.done == (1, 0, 0)


def test_a_build_needs_no_flow(world: World) -> None:
    """An image may be for several, or for none."""
    write(world.root, {"flow.py": "pass\n"})

    assert build(request(world.root, image=name(APP), push=False), world.parts, ignore).built


def test_a_built_image_is_pushed_and_recorded_later(world: World) -> None:
    """As a pipeline of three jobs does it; the end is that of a deploy."""
    built = build(request(world.root, image=name(APP), push=False), world.parts, ignore)
    pushed = push(name(str(built.reference)), ["latest"], world.parts, ignore)
    asked = request(world.root, image=None)
    target = Target("hello", "prod")
    recorded = record(
        asked,
        DeploymentRequest(),
        name(str(pushed.reference)),
        target,
        world.parts,
        ignore,
        confirm=world.confirm,
        finish=str,
    )
    held = world.recorder.deployments["hello/prod"]

    assert pushed.reference == f"{APP}@{world.registry.digests[APP]}"
    assert [str(each) for each in world.registry.pushes] == [APP, "reg.example/team/app:latest"]
    assert recorded.reference == held.job_variables["image"] == pushed.reference
    assert held.entrypoint == "flow.py:hello"
    assert (recorded.built, recorded.pushed, recorded.recorded) == (None, None, True)


def test_a_push_of_what_the_registry_has_is_none(world: World) -> None:
    """Asked twice, done once."""
    build(request(world.root, image=name(APP), push=False), world.parts, ignore)
    first, second = (push(name(APP), [], world.parts, ignore) for _ in range(2))

    assert (first.pushed, second.pushed) == (True, False)
    assert first.reference == second.reference
    assert world.done == (1, 1, 0)


def test_a_push_of_what_the_engine_lacks_is_refused(world: World) -> None:
    """With the command that makes it."""
    with pytest.raises(UsageError, match="the engine has no image gone:v1") as caught:
        push(name("gone:v1"), [], world.parts, ignore)

    assert "imagebuild build" in (caught.value.hint or "")


def recording(world: World, reference: str, **asked: Any) -> Outcome:
    """Record an image in `hello/hello`."""
    return record(
        request(world.root, **asked),
        DeploymentRequest(),
        name(reference),
        Target("hello", "hello"),
        world.parts,
        ignore,
        confirm=world.confirm,
        finish=str,
    )


def test_a_record_keeps_the_flow_of_a_deployment_that_is_there(world: World) -> None:
    """Only the image is another; the project need not be there."""
    world.deploy()
    before = world.recorder.deployments["hello/hello"]
    (world.root / "flow.py").unlink()
    world.registry.digests["reg.example/team/app:v2"] = OTHER_DIGEST
    recording(world, f"{APP}@{OTHER_DIGEST}")
    after = world.recorder.deployments["hello/hello"]

    assert after.job_variables["image"] == f"{APP}@{OTHER_DIGEST}"
    assert dataclasses.replace(after, job_variables=before.job_variables) == before


def test_a_record_by_tag_is_pinned_to_what_the_registry_has(world: World) -> None:
    """Unless it is not to be pinned, or was never pushed."""
    world.deploy()
    digest = world.registry.digests[APP]

    assert recording(world, APP).reference == f"{APP}@{digest}"
    assert recording(world, APP, pin=False).reference == APP
    assert recording(world, "app:latest", push=False).reference == "app:latest"


def test_a_record_of_what_the_registry_lacks_is_refused(world: World) -> None:
    """The deployment keeps its image."""
    world.deploy()
    before = dict(world.recorder.deployments)
    with pytest.raises(ImagebuildError, match="has no image reg") as caught:
        recording(world, "reg.example/team/gone:v1")

    assert "--no-push" in (caught.value.hint or "")
    assert (caught.value.unchanged or "").startswith("the deployment hello/hello still runs")
    assert world.recorder.deployments == before


def test_a_tag_is_recorded_alone_where_it_is_not_to_be_pinned(world: World) -> None:
    """For those who want what a registry says at the moment of the run."""
    outcome = world.deploy(pin=False)

    assert outcome.reference == world.image() == APP
    assert outcome.digest == world.registry.digests[APP]


def test_further_tags_are_pushed_and_the_first_is_recorded(world: World) -> None:
    """One build, one manifest under each."""
    outcome = world.deploy(tags=("v2", "latest"))
    names = [str(each) for each in world.registry.pushes]

    assert (
        outcome.names
        == tuple(names)
        == (APP, *(f"reg.example/team/app:{t}" for t in ("v2", "latest")))
    )
    assert len({world.registry.digests[each] for each in names}) == 1
    assert str(world.image()).startswith(f"{APP}@")

    again = world.deploy(tags=("v2", "v3"))
    assert (again.built, again.pushed) == (False, True)
    assert [str(each) for each in world.registry.pushes[3:]] == ["reg.example/team/app:v3"]


def test_what_is_asked_of_the_deployment_is_recorded(world: World) -> None:
    """Everything but its image is the recorder's own concern."""
    world.deploy(version="1.2.3", job_variables={"env": {"A": "1"}})

    assert world.recorder.deployments["hello/hello"].version == "1.2.3"
    [made] = world.builder.built
    assert made.stamp["org.opencontainers.image.version"] == "1.2.3"


def test_without_a_cache_everything_is_done_again(world: World) -> None:
    """Even if nothing changed."""
    world.deploy()
    outcome = world.deploy(cache=False)

    assert (outcome.built, outcome.pushed) == (True, True)
    assert len(world.builder.built) == 2


def test_a_dockerfile_of_the_users_own_says_where_the_code_lies(world: World) -> None:
    """Known when the image is there; nothing of ours is rendered."""
    write(world.root, {"Dockerfile": f"FROM {BASE}\nWORKDIR /srv\nCOPY . .\n"})
    world.deploy(dockerfile="Dockerfile")
    [step] = world.recorder.deployments["hello/hello"].pull_steps

    assert step == {"prefect.deployments.steps.set_working_directory": {"directory": "/srv"}}
    assert world.builder.built[0].code.directory is None


def test_what_gives_way_to_it_is_asked_before_it_is_written(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where only the image tells that something does; a no leaves the deployment alone."""
    write(world.root, {"Dockerfile": f"FROM {BASE}\nWORKDIR /srv\nCOPY . .\n"})
    world.deploy(dockerfile="Dockerfile")
    held = world.recorder.deployments["hello/hello"]
    elsewhere = {"prefect.deployments.steps.set_working_directory": {"directory": "/old"}}
    steps = ({"prefect.deployments.steps.git_clone": {"repository": "r"}}, elsewhere)
    world.recorder.deployments["hello/hello"] = dataclasses.replace(held, pull_steps=steps)

    def no(change: Change) -> None:
        if change.questions:
            raise UsageError(change.questions[0])

    monkeypatch.setattr(world, "confirm", no)
    error = world.refused(dockerfile="Dockerfile")
    assert "git_clone" in error.message
    assert world.recorder.deployments["hello/hello"].pull_steps == steps


def test_a_preview_does_nothing(world: World) -> None:
    """And says everything that a deploy would do."""
    asked = request(world.root, image=name(APP))
    ready = preview(asked, DeploymentRequest(), world.parts, ignore)

    assert world.done == (0, 0, 0)
    assert isinstance(ready, Deploy)
    assert isinstance(ready.image.steps.build, Build)
    assert ready.change.needed
    world.deploy()
    ready = preview(asked, DeploymentRequest(), world.parts, ignore)
    assert isinstance(ready, Deploy)
    assert isinstance(ready.image.steps.build, Reuse)


def test_what_is_foreseen_without_an_engine_is_what_the_files_tell(world: World) -> None:
    """With a warning; the code's key is known all the same."""
    asked = request(world.root, image=name(APP), push=False)
    told: list[Event] = []
    known = foresee(asked, world.parts, told.append)
    assert known.steps is not None
    assert told == []

    world.builder.failures["platform"] = Unreachable("cannot reach the engine")
    unknown = foresee(asked, world.parts, told.append)
    assert unknown.steps is None
    assert unknown.plan.code.key == known.plan.code.key
    [warning] = told
    assert isinstance(warning, Warned)
    assert warning.cause == "cannot reach the engine"
