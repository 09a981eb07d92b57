"""The steps of Prefect's own packages by name, those that are no more, and which are ours. Pure.

https://docs.prefect.io/v3/how-to-guides/deployments/prefect-yaml
"""

from __future__ import annotations

import difflib
import re

_PREFECT = "prefect.deployments.steps"
SHELL = f"{_PREFECT}.run_shell_script"
_DOCKER = ("prefect_docker.deployments.steps", "imagebuild.steps")
BUILD = frozenset(f"{module}.build_docker_image" for module in _DOCKER)
PUSH = frozenset(f"{module}.push_docker_image" for module in _DOCKER)

_KNOWN = {
    _PREFECT: "git_clone agit_clone pip_install_requirements pull_from_remote_storage"
    " pull_with_block run_shell_script set_working_directory",
    "prefect_docker.deployments.steps": "build_docker_image push_docker_image",
    "imagebuild.steps": "build_docker_image push_docker_image",
    "prefect_aws.deployments.steps": "pull_from_s3 push_to_s3",
    "prefect_azure.deployments.steps": "pull_from_azure_blob_storage push_to_azure_blob_storage",
    "prefect_gcp.deployments.steps": "pull_from_gcs push_to_gcs",
}
# Where a module defines a step that it also gives from its package.
_INSIDE = {f"{_PREFECT}.{inner}": _PREFECT for inner in ("pull", "utility")}
_RENAMED = {
    "git_clone_project": "git_clone",
    "pull_project_from_s3": "pull_from_s3",
    "push_project_to_s3": "push_to_s3",
    "pull_project_from_gcs": "pull_from_gcs",
    "push_project_to_gcs": "push_to_gcs",
    "pull_project_from_azure_blob_storage": "pull_from_azure_blob_storage",
    "push_project_to_azure_blob_storage": "push_to_azure_blob_storage",
}
_NEVER = {
    f"{_PREFECT}.pull_from_blob_storage": "there is no such step in any Prefect, whatever a page of"
    f" its documentation says; write {_PREFECT}.pull_from_remote_storage, or a cloud's own such as"
    " prefect_aws.deployments.steps.pull_from_s3",
}


def complaint(name: str) -> str | None:
    """What is wrong with a step's name; None for one that may be a step.

    Of modules that are not known here anything may be: only importing them would tell.
    """
    if name in _NEVER:
        return _NEVER[name]
    module, _, function = name.rpartition(".")
    if not module:
        full = next((one for one in _every() if one.rpartition(".")[2] == name), None)
        near = f"; did you mean {full}?" if full else ""
        return f"a step is named by its module and function{near}"
    if renamed := _today(module, function):
        return f"that is its name of Prefect 2; today it is {renamed}"
    module = _INSIDE.get(module, module)
    if module not in _KNOWN:
        close = difflib.get_close_matches(module, _KNOWN, n=1, cutoff=0.85)
        top = module.partition(".")[0]
        if close or any(top == known.partition(".")[0] for known in _KNOWN):
            return f"there is no such step{_near(name, _every())}"
        return None
    if function in _KNOWN[module].split():
        return None
    return f"{module} has no step {function}{_near(name, _every())}"


def wrong_package(requires: object) -> str | None:
    """What is wrong with what a step `requires`: Prefect installs it where it is not there."""
    for each in requires if isinstance(requires, list) else [requires]:
        if re.match(r"imagebuild\b(?!-)", str(each).strip(), re.IGNORECASE):
            return "requires: the package index has something else under this name; leave it out"
    return None


def _today(module: str, function: str) -> str | None:
    """What a step is called that had another name once."""
    current = module.replace(".projects.", ".deployments.")
    renamed = _RENAMED.get(function, function)
    if (current, renamed) == (module, function):
        return None
    return f"{current}.{renamed}"


def _every() -> list[str]:
    return [f"{module}.{name}" for module, names in _KNOWN.items() for name in names.split()]


def _near(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""
