"""Where pull steps fetch the code, as a source that can be read here too."""

from __future__ import annotations

from typing import Any

import pytest

from imagebuild.prefect.pull_source import source_of
from imagebuild.request import SourceRequest

STEPS = "prefect.deployments.steps"
CLONE, GO = f"{STEPS}.git_clone", f"{STEPS}.set_working_directory"
S3 = "prefect_aws.deployments.steps.pull_from_s3"
GCS = "prefect_gcp.deployments.steps.pull_from_gcs"
AZURE = "prefect_azure.deployments.steps.pull_from_azure_blob_storage"
REMOTE, BLOCK = f"{STEPS}.pull_from_remote_storage", f"{STEPS}.pull_with_block"
REPOSITORY = {"id": "clone", "repository": "https://h/t/app.git"}
APP = "https://h/t/app.git"


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([{CLONE: REPOSITORY}], SourceRequest(APP)),
        ([{CLONE: {**REPOSITORY, "branch": "dev/x"}}], SourceRequest(f"{APP}@dev/x")),
        ([{CLONE: {**REPOSITORY, "commit_sha": "abcdef0"}}], SourceRequest(f"{APP}@abcdef0")),
        ([{CLONE: {"repository": "git@h:t/app"}}], SourceRequest("git@h:t/app")),
        (
            [
                {
                    CLONE: {
                        **REPOSITORY,
                        "include_submodules": True,
                        "directories": ["a", "b"],
                        "credentials": "{{ prefect.blocks.github-credentials.mine }}",
                    }
                }
            ],
            SourceRequest(
                APP, "block://github-credentials/mine", submodules=True, directories=("a", "b")
            ),
        ),
        (
            [{CLONE: {**REPOSITORY, "access_token": "{{ $TOKEN }}"}}],
            SourceRequest(APP, "env:TOKEN"),
        ),
        (
            [{CLONE: {**REPOSITORY, "access_token": "{{prefect.blocks.secret.git.value}}"}}],
            SourceRequest(APP, "block://secret/git"),
        ),
        ([{CLONE: {**REPOSITORY, "access_token": "written-down"}}], SourceRequest(APP)),
        (
            [{CLONE: REPOSITORY}, {GO: {"directory": "{{ clone.directory }}/a/b"}}],
            SourceRequest(f"{APP}#a/b"),
        ),
        ([{CLONE: REPOSITORY}, {GO: {"directory": "/srv"}}], SourceRequest(APP)),
        ([{CLONE: REPOSITORY}, {GO: {"directory": "{{ x.directory }}/a"}}], SourceRequest(APP)),
        (
            [
                {
                    S3: {
                        "bucket": "b",
                        "folder": "/f/g/",
                        "credentials": "{{ prefect.blocks.aws-credentials.mine }}",
                    }
                }
            ],
            SourceRequest("s3://b/f/g", "block://aws-credentials/mine"),
        ),
        ([{GCS: {"bucket": "b", "folder": ""}}], SourceRequest("gs://b")),
        ([{AZURE: {"container": "c", "folder": "f"}}], SourceRequest("az://c/f")),
        ([{REMOTE: {"url": "s3://b/f"}}], SourceRequest("s3://b/f")),
        (
            [{REMOTE: {"url": "s3://b/f"}}, {GO: {"directory": "{{ directory }}/g"}}],
            SourceRequest("s3://b/f/g"),
        ),
        (
            [{BLOCK: {"block_type_slug": "s3-bucket", "block_document_name": "code"}}],
            SourceRequest("block://s3-bucket/code"),
        ),
        ([{"a.b": {}}, {CLONE: REPOSITORY}], SourceRequest(APP)),
    ],
)
def test_a_step_that_fetches_code_names_its_source(
    steps: list[dict[str, Any]], expected: SourceRequest
) -> None:
    """With its credentials by reference, and the folder that runs go to."""
    assert source_of(steps) == expected


@pytest.mark.parametrize(
    "steps",
    [
        [],
        [{GO: {"directory": "/srv"}}],
        [{"a.b": None}],
        [{CLONE: {"repository": "/srv/repo.git"}}],
        [{CLONE: {"repository": "{{ prefect.variables.repo }}"}}],
        [{CLONE: {**REPOSITORY, "branch": "{{ $BRANCH }}"}}],
        [{CLONE: {}}],
        [{CLONE: None}],
        [
            {BLOCK: {"block_type_slug": "s3-bucket", "block_document_name": "code"}},
            {GO: {"directory": "{{ directory }}/g"}},
        ],
    ],
)
def test_what_only_a_run_knows_is_not_guessed(steps: list[dict[str, Any]]) -> None:
    """Then the flow has to be here."""
    assert source_of(steps) is None
