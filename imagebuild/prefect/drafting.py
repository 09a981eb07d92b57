"""A deployment of a prefect.yaml on its way to an order: its steps, and what they gave so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from imagebuild.prefect import outputs
from imagebuild.prefect.sections import Sections, sections_of
from imagebuild.prefect.templating import KEPT, MISSING, Filling, placeholders
from imagebuild.prefect.world import SECRET

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagebuild.orders import Made
    from imagebuild.prefect.file import FileDeployment, Step
    from imagebuild.prefect.templating import Unfilled
    from imagebuild.prefect.world import World


@dataclass
class Draft:
    """One deployment; `results` is what each step that was run gave, by its place in memory."""

    deployment: FileDeployment
    world: World
    sections: Sections = field(init=False)
    results: dict[int, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sections = sections_of(self.deployment)

    @property
    def label(self) -> str:
        """What to call it."""
        return self.deployment.label

    def outputs(self, made: Made | None, before: Step | None = None) -> dict[str, Any]:
        """What the steps give, or those that stand before one, with an image as far as it is known.

        Of a step that was not run yet, what it will give; of one that is not run at all, nothing.
        """
        never = made is not None and made.final
        pairs: list[tuple[Step, Any]] = []
        for step in self.sections.steps:
            if step is before:
                break
            if step is self.sections.build or step is self.sections.push:
                pairs.append((step, outputs.of_image(made)))
            else:
                unknown = {} if never else outputs.promised(step)
                pairs.append((step, self.results.get(id(step), unknown)))
        return outputs.together(pairs)

    def inputs(self, step: Step, made: Made | None) -> tuple[dict[str, Any], list[Unfilled]]:
        """A step's inputs, and what in them nothing fills."""
        filling = Filling(self.world.look_up(self.outputs(made, step)))
        return filling.fill(step.inputs), filling.unfilled

    def fields(self, made: Made | None) -> tuple[dict[str, Any], list[Unfilled]]:
        """The deployment's fields, and what in them nothing fills.

        What a trigger gives to a run is filled in when its event comes.
        """
        find = self.world.look_up(self.outputs(made))
        filling = Filling(find)
        stated = self.deployment.fields
        fields = filling.fill({key: stated[key] for key in stated if key != "triggers"})
        if stated.get("triggers") is not None:
            fields["triggers"] = [
                self._trigger(one, number, filling) for number, one in enumerate(stated["triggers"])
            ]
        return fields, filling.unfilled

    def _trigger(self, trigger: Mapping[str, Any], number: int, filling: Filling) -> dict[str, Any]:
        own = {key: value for key, value in trigger.items() if key != "parameters"}
        filled: dict[str, Any] = filling.fill(own, ("triggers", number))
        if "parameters" in trigger:
            lenient = Filling(_or_kept(filling.look_up))
            filled["parameters"] = lenient.fill(trigger["parameters"])
        return filled

    def pull(self, made: Made) -> list[dict[str, Any]] | None:
        """The pull steps, whose other placeholders a run fills; None where none are stated."""
        if self.deployment.pull is None:
            return None
        steps = [{step.name: step.inputs} for step in self.deployment.pull]
        given = self.outputs(made)
        plain = Filling(self.world.look_up_for_runs(given))
        filled: list[dict[str, Any]] = _filled(
            steps, plain, Filling(self.world.look_up_for_runs(given, secret=True))
        )
        return filled

    def image(self, made: Made | None) -> str | None:
        """The image that the file names among the job variables."""
        find = self.world.look_up(self.outputs(made))
        filled = Filling(find).fill(self.deployment.image)
        return str(filled) if filled else None

    def image_waits_for(self, steps: tuple[Step, ...]) -> bool:
        """Whether the image that the file names is known only when these steps were run."""
        given = outputs.together([(step, outputs.promised(step)) for step in steps])
        names = list(placeholders(self.deployment.image))
        return any(name in given or name.partition(".")[0] in given for name in names)

    def uses(self, step: Step) -> bool:
        """Whether anything of the deployment stands for what a step gives."""
        every = [self.deployment.fields, *(one.inputs for one in self.sections.steps)]
        every += [one.inputs for one in self.deployment.pull or ()]
        keys = {*outputs.promised(step), step.id}
        return any(
            name in keys or name.partition(".")[0] == step.id for name in placeholders(every)
        )


def _filled(value: Any, plain: Filling, secret: Filling) -> Any:
    """The value filled, with `secret` below each key that is called so."""
    if isinstance(value, list | tuple):
        return [_filled(one, plain, secret) for one in value]
    if not isinstance(value, Mapping):
        return plain.fill(value)
    return {
        key: _filled(inner, secret if SECRET.search(str(key)) else plain, secret)
        for key, inner in value.items()
    }


def _or_kept(find: Callable[[str], Any]) -> Callable[[str], Any]:
    def find_or_keep(name: str) -> Any:
        value = find(name)
        return KEPT if value is MISSING else value

    return find_or_keep
