"""Shows what would be done: as a document, and for a person as its lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from imagebuild.cli.text import clean, file_count, print_json, size
from imagebuild.dependencies import candidates
from imagebuild.plan import Build, Code, Environment, OwnDockerfile, Plan, Push, Steps
from imagebuild.pulling import Bare

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imagebuild.commit import Commit
    from imagebuild.names import ImageName
    from imagebuild.preparing import Deploy, Foreseen
    from imagebuild.record import Change
    from imagebuild.survey import Project

_LARGEST, _MARGIN = 10, 17


def show_plan(foreseen: Foreseen, *, as_json: bool, every_file: bool = False) -> None:
    """Print an image as it would be, on stdout."""
    document = plan_document(foreseen.project, foreseen.plan, foreseen.steps)
    if as_json:
        print_json(document)
    else:
        click.echo("\n".join(plan_lines(document, every_file=every_file)))


def show_deploy(ready: Deploy | Bare, *, as_json: bool) -> None:
    """Print a deploy as it would be, on stdout."""
    if isinstance(ready, Bare):
        document, lines = bare_document(ready.change), bare_lines
    else:
        document, lines = deploy_document(ready), deploy_lines
    if as_json:
        print_json(document)
    else:
        click.echo("\n".join(lines(document)))


def plan_document(project: Project, plan: Plan, steps: Steps | None) -> dict[str, Any]:
    """An image as it would be. Sizes are in bytes; without steps, what the base is was not told."""
    return {
        "names": [str(_named(name, plan, steps)) for name in plan.names],
        "version": plan.version if steps else None,
        "environment": {
            "key": plan.environment.key if steps else None,
            **_environment(project, plan.environment),
        },
        "code": {"key": plan.code.key, **_code(project, plan.code)},
        "commit": _commit(project.commit),
        "left_out": [{"path": left.path, "by": str(left.rule)} for left in project.context.ignored],
        "left_out_more": {str(rule): count for rule, count in project.context.ignored_more.items()},
        "steps": _steps(steps),
    }


def _environment(project: Project, environment: Environment) -> dict[str, Any]:
    base, chosen = environment.base, environment.dependencies
    own = isinstance(environment.recipe, OwnDockerfile)
    return {
        "base": {"name": str(base.name), "digest": base.digest, "image_id": base.image_id},
        "platform": environment.platform or None,
        "dockerfile" if own else "template": environment.recipe.name,
        "dependency_files": [
            {"path": path, "installed": None if own else path in chosen.requirements}
            for path in candidates(project.context, chosen)
        ],
        "sources": list(chosen.sources),
        "libraries": list(environment.libraries),
        "system_packages": list(environment.packages),
        "build_args": sorted(environment.build_args),
        "secrets": list(environment.secrets),
        "ssh": list(environment.ssh),
    }


def _code(project: Project, code: Code) -> dict[str, Any]:
    baked = code.tree != ""
    nodes = project.context.nodes if baked else ()
    sizes = {node.path: node.size for node in nodes if node.kind == "file"}
    largest = sorted(sizes, key=lambda path: (-sizes[path], path))[:_LARGEST]
    return {
        "baked": baked,
        "directory": code.directory,
        "files": len(sizes),
        "bytes": sum(sizes.values()),
        "largest": [{"path": path, "bytes": sizes[path]} for path in largest],
        "contents": [{"path": path, "bytes": count} for path, count in sizes.items()],
        "env": dict(code.env),
        "labels": dict(code.labels),
    }


def _commit(commit: Commit | None) -> dict[str, Any] | None:
    if commit is None:
        return None
    return {"revision": commit.revision, "url": commit.url, "dirty": commit.dirty}


def deploy_document(ready: Deploy) -> dict[str, Any]:
    """A deploy as it would be: its image, and what would be written in Prefect."""
    image = ready.image
    return {
        **plan_document(image.project, image.plan, image.steps),
        "entrypoint": image.plan.entrypoint,
        "deployment": deployment_document(ready.change),
    }


def bare_document(change: Change) -> dict[str, Any]:
    """A deploy as it would be that makes no image."""
    return {
        "names": [],
        "version": change.record.version,
        "steps": [],
        "entrypoint": change.record.entrypoint,
        "deployment": deployment_document(change),
    }


def deployment_document(change: Change) -> dict[str, Any]:
    """What would be written of a deployment."""
    return {
        "name": str(change.target),
        "exists": change.deployment_id is not None,
        "pool": change.pool,
        "writes": dict(change.fields),
        "notes": [*change.notes],
        "warnings": [*change.warnings],
        "questions": [*change.questions],
    }


def plan_lines(document: Mapping[str, Any], *, every_file: bool = False) -> Iterator[str]:
    """The document of a plan, for a person: with `every_file`, or the largest alone."""
    environment, code = document["environment"], document["code"]
    base = environment["base"]
    recipe = "dockerfile" if "dockerfile" in environment else "template"
    lists = {
        kind.replace("_", " "): ", ".join(environment[kind])
        for kind in ("libraries", "system_packages", "build_args", "secrets", "ssh")
    }
    files = [(item["path"], _use(item["installed"])) for item in environment["dependency_files"]]
    place = code["directory"] or "the Dockerfile's WORKDIR"
    amount = f"{file_count(code['files'])}, {size(code['bytes'])}, in {place}"
    rows = {
        "image": ", ".join(document["names"]),
        "base": f"{base['name']}  {base['digest'] or base['image_id'] or '(not asked)'}",
        "platform": environment["platform"] or "(the engine's own)",
        recipe: environment[recipe],
        **lists,
        "dependencies": _table(files),
        "code": amount if code["baked"] else "pulled by each run; none is in the image",
        "commit": _committed(document["commit"]),
        ("files" if every_file else "largest"): _table(
            [
                (item["path"], size(item["bytes"]))
                for item in code["contents" if every_file else "largest"]
            ]
        ),
        "left out": _table([(item["path"], item["by"]) for item in document["left_out"]])
        + [f"and {count} more by {by}" for by, count in document["left_out_more"].items()],
        "environment key": environment["key"] or "(not known without the base)",
        "code key": code["key"],
        "would": document["steps"],
    }
    for title, value in rows.items():
        yield from _rows(title, value)


def deploy_lines(document: Mapping[str, Any]) -> Iterator[str]:
    """The document of a deploy, for a person."""
    yield from plan_lines(document)
    yield from deployment_lines({**document["deployment"], "entrypoint": document["entrypoint"]})


def bare_lines(document: Mapping[str, Any]) -> Iterator[str]:
    """The document of a deploy that makes no image, for a person."""
    yield from _rows("image", "none is built")
    yield from deployment_lines({**document["deployment"], "entrypoint": document["entrypoint"]})


def deployment_lines(deployment: Mapping[str, Any]) -> Iterator[str]:
    """What would be written of a deployment, for a person."""
    does = "change" if deployment["exists"] else "create"
    wrote = ", ".join(deployment["writes"])
    would = f"{does} the deployment {deployment['name']} ({wrote})"
    yield from _rows("", would if wrote else f"leave the deployment {deployment['name']}")
    yield from _rows("flow", deployment["entrypoint"])
    for kind in ("notes", "warnings", "questions"):
        yield from _rows(kind, deployment[kind])


def _committed(commit: Mapping[str, Any] | None) -> str:
    if commit is None:
        return ""
    changed = ", with changes that are not committed" if commit["dirty"] else ""
    return f"{commit['revision']}  {commit['url'] or ''}".rstrip() + changed


def _rows(title: str, value: str | list[str]) -> Iterator[str]:
    """A title with its lines beside it; nothing where there are none."""
    lines = [value] if isinstance(value, str) else value
    for number, line in enumerate(filter(None, lines)):
        yield f"{'' if number else title:<{_MARGIN}}{clean(line)}"


def _table(rows: list[tuple[str, str]]) -> list[str]:
    width = max((len(clean(first)) for first, _ in rows), default=0)
    return [f"{clean(first):<{width}}  {second}" for first, second in rows]


def _use(installed: bool | None) -> str:
    if installed is None:
        return "the Dockerfile decides"
    return "installed" if installed else "found, not used"


def _named(name: ImageName, plan: Plan, steps: Steps | None) -> ImageName:
    """The name; without the tag that is made of the content where that is not known yet."""
    return name.untagged if steps is None and name.tag == plan.version else name


def _steps(steps: Steps | None) -> list[str]:
    if steps is None:
        return []
    build = steps.build
    told = [f"build, as {build.why}" if isinstance(build, Build) else "reuse the engine's image"]
    for name, push in steps.pushes.items():
        why = f"push {name}, as {push.why}" if isinstance(push, Push) else f"not push {name}"
        told.append(why)
    return told
