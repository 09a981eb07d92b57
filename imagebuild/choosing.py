"""Chooses the flow to deploy from those in the project, or says why it cannot."""

from __future__ import annotations

import dataclasses
import shlex
from typing import TYPE_CHECKING, TypeAlias

from imagebuild.entrypoint import is_dotted
from imagebuild.errors import UsageError
from imagebuild.flows import (
    BadEntrypoint,
    FoundFlow,
    Skipped,
    find_flows,
    flows_in,
    parse_entrypoint,
)
from imagebuild.locating import locate
from imagebuild.modules import find_module

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from imagebuild.context import ProjectContext

    _Flows: TypeAlias = "tuple[tuple[FoundFlow, ...], tuple[Skipped, ...]]"

_SHOWN = 20


def choose_flow(
    context: ProjectContext, entrypoint: str | None, here: Path, named: str | None = None
) -> FoundFlow:
    """The flow of the entrypoint, else the only one in the project, or the only one `named` so.

    `entrypoint` is `path:function`, its path relative to `here`, the folder the user stands in, or
    to the project root; or it is `package.module.function`, as imported from the root. Raises
    `UsageError`, with the flows that there are.
    """
    if entrypoint is None:
        return _only_flow(context, named)
    if is_dotted(entrypoint):
        defined = _flow_of_module(context, entrypoint)
        return _named(dataclasses.replace(defined, dotted=entrypoint))
    path, function = _split(entrypoint)
    path = locate(context, path, here)
    every = _flows(context, [path])
    flow = _flow_called(function, every)
    if flow is None:
        raise _no_flow(path, function, every)
    return _named(flow)


def _flow_of_module(context: ProjectContext, dotted: str) -> FoundFlow:
    """The flow that a module defines, or that it imports from where it is defined."""
    asked, seen = dotted, set[str]()
    while True:
        seen.add(dotted)
        name, _, function = dotted.rpartition(".")
        module = find_module(context, name)
        if module is None:
            message = f"there is no module {name}"
            causes = [f"it is not in {context.root}, nor in its src, nor installed here"]
            causes += [f"{asked} is imported from it"] if asked != dotted else []
            hint = "write path/to/flow.py:function, or the module as Python imports it"
            raise UsageError(message, causes=tuple(causes), hint=hint)
        every = flows_in(module.source, module.path)
        if (flow := _flow_called(function, every)) is not None:
            return flow
        origin = module.origin(function)
        if origin is None or "." not in origin or origin in seen:
            raise _no_flow(module.path, function, every)
        dotted = origin


def sole_flow(context: ProjectContext) -> FoundFlow | None:
    """The only flow in the project, if there is one alone and its name can be told."""
    found, _ = flows_of(context)
    return found[0] if len(found) == 1 and found[0].flow_name else None


def flows_of(context: ProjectContext) -> _Flows:
    """All flows in the project, and what was passed over."""
    return _flows(context, [path for path in context.mentions if path.endswith(".py")])


def _split(entrypoint: str) -> tuple[str, str]:
    """The path as it was typed, which may lead up and down again, and the function."""
    folder, slash, name = entrypoint.rpartition("/")
    try:
        wanted = parse_entrypoint(name)
    except BadEntrypoint as error:
        message = f"{entrypoint!r} is not an entrypoint"
        raise UsageError(message, causes=(error.reason,)) from error
    return f"{folder}{slash}{wanted.path}", wanted.function


def _flow_called(function: str, every: _Flows) -> FoundFlow | None:
    found, skipped = every
    likely = [item.maybe for item in skipped if item.maybe is not None]
    return next((flow for flow in (*found, *likely) if flow.function == function), None)


def _no_flow(path: str, function: str, every: _Flows) -> UsageError:
    message = f"{path} has no flow {function}"
    listing = _listing(*every) or ("the file has no function decorated with @flow",)
    hint = "name one of its flows, or decorate it with @flow"
    return UsageError(message, body=listing, hint=hint)


def _only_flow(context: ProjectContext, named: str | None) -> FoundFlow:
    every, skipped = flows_of(context)
    found = tuple(flow for flow in every if named is None or flow.flow_name == named)
    if len(found) == 1:
        return _named(found[0])
    if found:
        message = f"there are {len(found)} flows in {context.root}"
        best = next((flow for flow in found if flow.flow_name), found[0])
        hint = f"say which, as the argument ENTRYPOINT: {shlex.quote(best.entrypoint)}"
        raise UsageError(message, body=_listing(found, skipped), hint=hint)
    if every:
        message = f"there is no flow named {named!r} in {context.root}"
        raise UsageError(message, body=_listing(every, skipped), hint="name one of its flows")
    count = sum(path.endswith(".py") for path in context.digests)
    message = f"there is no flow in {context.root}"
    raise UsageError(
        message,
        causes=(f"none of its {count} Python files has a function decorated with @flow",),
        body=_listing((), skipped),
        hint="change to the folder of the flow, or give its entrypoint: path/to/flow.py:function",
    )


def _flows(context: ProjectContext, paths: Iterable[str]) -> _Flows:
    def read(path: str) -> bytes:
        with context.open(path) as file:
            return file.read()

    return find_flows((path, lambda path=path: read(path)) for path in paths)  # type: ignore[misc]


def _named(flow: FoundFlow) -> FoundFlow:
    if flow.flow_name is None:
        message = f"cannot tell the name of the flow {flow.entrypoint}"
        raise UsageError(
            message,
            causes=(f"{flow.path}, line {flow.line}: name= is not plain text",),
            hint="write the name in quotes; files are read and never run here",
        )
    return flow


def _listing(found: Iterable[FoundFlow], skipped: Iterable[Skipped]) -> tuple[str, ...]:
    lines = [
        f"{flow.entrypoint}  (line {flow.line}, flow {flow.flow_name or 'whose name is not plain'})"
        for flow in found
    ]
    passed = [
        f"passed over: {item.path}{f', line {item.line}' if item.line else ''}: {item.reason}"
        for item in skipped
    ]
    lines += passed
    more = len(lines) - _SHOWN
    return (*lines[:_SHOWN], *([f"and {more} more"] if more > 0 else []))
