"""Merges what a record says into a deployment's job variables. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from imagebuild.errors import UsageError
from imagebuild.recorders.json_schema import Misfit, allows, kind, meant, misfit, shown, wanted

if TYPE_CHECKING:
    from imagebuild.record import Record
    from imagebuild.state import Pool

POLICY = "image_pull_policy"
LOCAL = "IfNotPresent"
_ENV = "env"
# What the worker fills in of the run itself: `{{ ctx.flow_run.name }}`.
_OF_THE_RUN = re.compile(r"{{\s*ctx\.[\w.\-\[\]]+\s*}}")


def check(record: Record, pool: Pool) -> None:
    """Raise `UsageError` for job variables that cannot be meant, or that a run would stumble on.

    Prefect's server checks them against the pool's template when it creates a deployment, but
    not when it changes one, where the run then fails:
    https://github.com/PrefectHQ/prefect/blob/main/src/prefect/server/api/deployments.py
    """
    if "image" in record.job_variables:
        message = "the job variable 'image' is what this deploy sets"
        raise UsageError(message, hint="name the image with --image")
    # A worker fills in whatever stands in such braces, blocks with secrets among it.
    written = {**record.job_variables, **_image(record), "directory": record.directory}
    for name, value in written.items():
        if "{{" in _OF_THE_RUN.sub("", json.dumps({name: value}, ensure_ascii=False)):
            message = f"{name!r} contains '{{{{', which Prefect's worker takes for a template"
            raise UsageError(message)
    for name, value in _flat(record.job_variables).items():
        if value is not None and (wrong := misfit(pool.variables.get(name, {}), value, name)):
            raise _wrong(wrong, pool.name)


def _wrong(wrong: Misfit, pool: str) -> UsageError:
    """What to say of a value; not the value itself where secrets usually are."""
    value, is_plain = wrong.value, isinstance(wrong.value, str | int | float)
    is_open = is_plain and not wrong.at.startswith(_ENV)
    message = f"the job variable {wrong.at!r} cannot be {shown(value) if is_open else kind(value)}"
    cause = f"the template of the work pool {pool!r} wants {wanted(wrong.schema)}"
    hint = "write it in quotes" if is_plain and allows(wrong.schema, "") else None
    return UsageError(message, causes=(cause,), hint=hint)


def merge(
    now: Mapping[str, Any], record: Record, pool: Pool
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The job variables that the deployment is to hold, and what the reader should know of them.

    A variable that the record names replaces the one that is there, but `env` is merged key by
    key, as Prefect itself does between template, deployment and run (a null takes a key away at
    run time). All others stay.
    """
    given = _flat(record.job_variables)
    merged = {**now, **given, **_image(record)}
    old, new = now.get(_ENV), given.get(_ENV)
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        merged[_ENV] = {**old, **new}
    note = _set_policy(merged, given, record, pool)
    return merged, (note,) if note else ()


def image_of(variables: Mapping[str, Any], pool: Pool) -> str | None:
    """The image that a worker runs for such variables; None for Prefect's own of its version.

    https://github.com/PrefectHQ/prefect/blob/main/src/prefect/workers/base.py
    """
    return variables.get("image") or pool.variables.get("image", {}).get("default") or None


def _image(record: Record) -> dict[str, str]:
    return {} if record.image is None else {"image": record.image}


def _set_policy(
    merged: dict[str, Any], given: Mapping[str, Any], record: Record, pool: Pool
) -> str | None:
    """Let an image run that only the engine has, and let a pushed name be pulled again.

    Without a policy a Docker worker always pulls `latest`, so a local image would crash:
    https://github.com/PrefectHQ/prefect/issues/10862
    """
    schema = pool.variables.get(POLICY)
    if record.image is None or schema is None or POLICY in given:
        return None
    if schema.get("default") is not None:
        return None
    if not record.pushed and merged.get(POLICY) is None and allows(schema, LOCAL):
        merged[POLICY] = LOCAL
        return f"{POLICY} is now {LOCAL}, since the image was not pushed"
    if record.pushed and "@" not in record.image and merged.get(POLICY) == LOCAL:
        del merged[POLICY]
        return f"{POLICY} {LOCAL} is taken back, so that a worker pulls {record.image} again"
    return None


def _flat(given: Mapping[str, Any]) -> dict[str, Any]:
    """`env.NAME` inside `env`, which beats such a key where a worker finds both."""
    dotted = {key: value for key, value in given.items() if key.startswith(f"{_ENV}.")}
    if not dotted:
        return dict(given)
    env = given.get(_ENV)
    if env is not None and not isinstance(env, Mapping):
        message = "the job variable 'env' is given whole, and not as an object, and by its parts"
        raise UsageError(message)
    rest = {key: value for key, value in given.items() if key not in dotted}
    parts = {key.removeprefix(f"{_ENV}."): value for key, value in dotted.items()}
    return {**rest, _ENV: {**(env or {}), **parts}}


def unknown(record: Record, pool: Pool) -> list[str]:
    """A word on each variable that the template lacks: Prefect takes it, and no worker reads it.

    The server lets a template use only variables that it declares.
    """
    notes = []
    for name in sorted(set(_flat(record.job_variables)) - set(pool.variables)):
        text = f"the work pool {pool.name!r} knows no job variable {name!r}"
        close = meant(name, pool.variables)
        notes.append(f"{text}; {close}" if close else text)
    return notes
