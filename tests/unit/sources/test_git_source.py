"""Repositories on this machine, fetched by git as from elsewhere."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from imagebuild.errors import UsageError
from imagebuild.sources.git import GIT_CLONE
from tests.unit.sources.repositories import FILES, add, checked_out, files, made, opened
from tests.unit.test_git import ENV, git

SET_DIRECTORY = "prefect.deployments.steps.set_working_directory"


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """Give a repository."""
    return made(tmp_path / "team-flows")


def test_without_a_revision_it_is_the_remotes_head(origin: Path) -> None:
    """Whatever that branch is called; and the commit and the name are known."""
    with checked_out(f"git+file://{origin}") as checkout:
        assert files(checkout.root) == FILES | {"flow.py": "two\n"}
        assert checkout.name == "team-flows"
        assert checkout.commit is not None
        assert checkout.commit.revision == git(origin, "rev-parse", "trunk")
        assert not checkout.commit.dirty


@pytest.mark.parametrize(
    ("ref", "flow"), [("feature/x", "x\n"), ("v1.0", "one\n"), ("refs/heads/trunk", "two\n")]
)
def test_a_revision_is_a_branch_or_a_tag(origin: Path, ref: str, flow: str) -> None:
    """An annotated tag is an object of its own, and stands for its commit."""
    with checked_out(f"git+file://{origin}@{ref}") as checkout:
        assert (checkout.root / "flow.py").read_text() == flow
        assert checkout.commit is not None
        assert checkout.commit.revision == git(origin, "rev-parse", f"{ref}^{{commit}}")


@pytest.mark.parametrize("digits", [40, 12, 7])
def test_a_revision_is_a_commit_on_any_branch(origin: Path, digits: int) -> None:
    """Its hash may be short, and it may be one that no branch ends with."""
    commit = git(origin, "rev-parse", "trunk")
    add(origin, {"flow.py": "three\n"})
    with checked_out(f"git+file://{origin}@{commit[:digits]}") as checkout:
        assert (checkout.root / "flow.py").read_text() == "two\n"
        assert checkout.commit is not None
        assert checkout.commit.revision == commit


def test_of_a_subdirectory_nothing_else_is_fetched(origin: Path) -> None:
    """Not even into git's own folder, and not more than one commit."""
    with checked_out(f"git+file://{origin}#jobs/etl") as checkout:
        assert (checkout.root.name, checkout.name) == ("etl", "etl")
        whole = checkout.root.parents[1]
        assert files(whole) == {"jobs/etl/flow.py": "etl\n"}
        told = git(whole, "cat-file", "--batch-check", "--batch-all-objects")
        assert [line.split()[1] for line in told.splitlines()].count("blob") == 1
        assert git(whole, "rev-list", "--count", "HEAD") == "1"
        assert checkout.commit is not None
        assert not checkout.commit.dirty


def test_a_server_of_an_older_protocol_gives_the_same(origin: Path) -> None:
    """It gives out by hash only what a branch ends with; so does git behind most servers of ssh."""
    commit = git(origin, "rev-parse", "trunk")
    add(origin, {"flow.py": "three\n"})
    env = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "protocol.version"}
    env |= {"GIT_CONFIG_VALUE_0": "0"}
    for ref in ("", "@v1.0", f"@{commit}", f"@{commit[:8]}"):
        with checked_out(f"git+file://{origin}{ref}#jobs/etl", env=env) as checkout:
            assert files(checkout.root.parents[1]) == {"jobs/etl/flow.py": "etl\n"}
        with checked_out(f"git+file://{origin}{ref}", env=env) as checkout:
            assert files(checkout.root).keys() == FILES.keys()
    gone = "deadbeef" * 5
    for part in ("", "#jobs/etl"):
        address = f"git+file://{origin}@{gone}{part}"
        with pytest.raises(UsageError, match=gone), checked_out(address, env=env):
            pass


def test_directories_are_those_of_a_sparse_checkout(origin: Path) -> None:
    """With the files above, as a run of Prefect's has them."""
    with checked_out(f"git+file://{origin}", directories=("jobs/web",)) as checkout:
        assert files(checkout.root) == {"flow.py": "two\n", "jobs/web/flow.py": "web\n"}


def test_what_has_not_changed_is_not_fetched_again(origin: Path, tmp_path: Path) -> None:
    """The remote is asked for its commit alone: it has no objects any more."""
    address, kept = f"git+file://{origin}", tmp_path / "kept"
    with checked_out(address, kept) as checkout:
        first = checkout.root
    for blob in (origin / ".git" / "objects").glob("??"):
        if blob.name != git(origin, "rev-parse", "HEAD")[:2]:
            shutil.rmtree(blob)
    with checked_out(address, kept) as checkout:
        assert checkout.root == first
        assert (checkout.root / "flow.py").read_text() == "two\n"


@pytest.mark.parametrize("harm", ["edited", "without git"])
def test_a_kept_checkout_that_somebody_wrote_to_is_fetched_anew(
    harm: str, origin: Path, tmp_path: Path
) -> None:
    """It would be baked as the commit."""
    address, kept = f"git+file://{origin}", tmp_path / "kept"
    with checked_out(address, kept) as checkout:
        if harm == "edited":
            (checkout.root / "flow.py").write_text("another\n")
        else:
            shutil.rmtree(checkout.root / ".git")
    with checked_out(address, kept) as checkout:
        assert (checkout.root / "flow.py").read_text() == "two\n"
        assert checkout.commit is not None
        assert not checkout.commit.dirty


@pytest.mark.parametrize("kept", ["/proc/none/sources", "/dev/null/sources"])
def test_where_nothing_can_be_kept_a_checkout_lasts_as_long_as_it_is_used(
    kept: str, origin: Path
) -> None:
    """As without a home."""
    with checked_out(f"git+file://{origin}", Path(kept)) as checkout:
        root = checkout.root
        assert (root / "flow.py").read_text() == "two\n"
    assert not root.exists()


def test_what_has_changed_is_fetched(origin: Path, tmp_path: Path) -> None:
    """And the other stays where it is, for whoever uses it."""
    address, kept = f"git+file://{origin}", tmp_path / "kept"
    with checked_out(address, kept) as old:
        add(origin, {"flow.py": "three\n"})
        with checked_out(address, kept) as new:
            assert (new.root / "flow.py").read_text() == "three\n"
        assert (old.root / "flow.py").read_text() == "two\n"


def test_a_revision_that_is_not_there_is_told_with_what_is_near(origin: Path) -> None:
    """A branch, or a tag."""
    for asked, near in (("feature/y", "feature/x"), ("v1.1", "v1.0"), ("trunc", "trunk")):
        with pytest.raises(UsageError) as caught, checked_out(f"git+file://{origin}@{asked}"):
            pass
        assert asked in caught.value.message
        assert near in (caught.value.hint or "")


@pytest.mark.parametrize("commit", ["deadbeef", "deadbeef" * 5])
def test_a_commit_that_is_not_there_is_told(origin: Path, tmp_path: Path, commit: str) -> None:
    """And nothing is kept of it."""
    kept = tmp_path / "kept"
    with (
        pytest.raises(UsageError, match=commit),
        checked_out(f"git+file://{origin}@{commit}", kept),
    ):
        pass
    assert [path for path in kept.rglob("*") if path.is_file()] == []


def test_a_folder_that_is_not_there_is_told_with_what_is_near(origin: Path) -> None:
    """A link is no folder, wherever it leads to."""
    (origin / "link").symlink_to("/etc")
    git(origin, "add", ".")
    git(origin, "commit", "--quiet", "--message", "link")
    with pytest.raises(UsageError) as caught, checked_out(f"git+file://{origin}#jobs/etc"):
        pass
    assert "jobs/etl" in (caught.value.hint or "")
    with pytest.raises(UsageError, match="'link'"), checked_out(f"git+file://{origin}#link"):
        pass
    with (
        pytest.raises(UsageError, match="'job'"),
        checked_out(f"git+file://{origin}", directories=("job",)),
    ):
        pass


def test_a_repository_that_is_not_there_is_told(tmp_path: Path) -> None:
    """Or that is none, or has no commit."""
    (tmp_path / "empty").mkdir()
    for name in ("gone", "empty"):
        with pytest.raises(UsageError, match=name), checked_out(f"git+file://{tmp_path}/{name}"):
            pass
    git(tmp_path / "empty", "init", "--quiet")
    with pytest.raises(UsageError, match="commit"), checked_out(f"git+file://{tmp_path}/empty"):
        pass


def test_without_git_nothing_is_fetched(origin: Path, tmp_path: Path) -> None:
    """Which is told so."""
    with (
        pytest.raises(UsageError, match="git is not here"),
        checked_out(f"git+file://{origin}", env={"PATH": str(tmp_path)}),
    ):
        pass


@pytest.fixture
def with_module(origin: Path, tmp_path: Path) -> Path:
    """Give a repository with two submodules, `libs/shared` and `other`."""
    module = made(tmp_path / "module")
    for path in ("libs/shared", "other"):
        allowed = ("-c", "protocol.file.allow=always")
        git(origin, *allowed, "submodule", "--quiet", "add", f"file://{module}", path)
    git(origin, "commit", "--quiet", "--message", "modules")
    return origin


def test_submodules_are_fetched_where_asked_for(with_module: Path) -> None:
    """Else their folders are empty."""
    with checked_out(f"git+file://{with_module}") as checkout:
        assert "libs/shared/flow.py" not in files(checkout.root)
    with checked_out(f"git+file://{with_module}", submodules=True) as checkout:
        assert files(checkout.root)["libs/shared/flow.py"] == "two\n"
        assert files(checkout.root)["other/flow.py"] == "two\n"


def test_a_folder_in_a_submodule_needs_submodules(with_module: Path) -> None:
    """Only that one is fetched then."""
    for inside in ("libs/shared", "libs/shared/jobs/etl"):
        address = f"git+file://{with_module}#{inside}"
        with pytest.raises(UsageError, match="libs/shared") as caught, checked_out(address):
            pass
        assert "--source-submodules" in (caught.value.hint or "")
        with checked_out(address, submodules=True) as checkout:
            assert (checkout.root / "flow.py").is_file()
    with checked_out(f"git+file://{with_module}#libs", submodules=True) as checkout:
        assert (checkout.root / "shared" / "flow.py").is_file()
        assert not (checkout.root.parent / "other" / "flow.py").exists()


def test_no_program_of_the_repositorys_or_of_a_templates_is_run(
    origin: Path, tmp_path: Path
) -> None:
    """Hooks are for those who made them."""
    hooks = tmp_path / "template" / "hooks"
    hooks.mkdir(parents=True)
    for name in ("post-checkout", "reference-transaction"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        (hooks / name).chmod(0o755)
    env = {"GIT_TEMPLATE_DIR": str(hooks.parent), "GIT_DIR": str(origin / ".git")}
    env |= {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.hooksPath"}
    with checked_out(f"git+file://{origin}", env=env | {"GIT_CONFIG_VALUE_0": str(hooks)}):
        pass
    assert not (tmp_path / "ran").exists()


def test_the_users_settings_stay_in_force(origin: Path, tmp_path: Path) -> None:
    """Those of the environment too; ours come behind them, and none is written."""
    (tmp_path / "config").write_text(f'[url "file://{tmp_path}/"]\n\tinsteadOf = file:///srv/\n')
    env = {"GIT_CONFIG_GLOBAL": str(tmp_path / "config")}
    before = (tmp_path / "config").read_text()
    with checked_out(f"git+file:///srv/{origin.name}", env=env) as checkout:
        assert files(checkout.root)["flow.py"] == "two\n"
    assert (tmp_path / "config").read_text() == before


def test_a_repository_may_hash_with_sha_256(tmp_path: Path) -> None:
    """Git keeps the two kinds apart."""
    root = tmp_path / "long"
    subprocess.run(["git", "init", "-q", "--object-format=sha256", root], env=ENV, check=True)
    commit = add(root, FILES)
    for ref in ("", f"@{commit}", f"@{commit[:9]}"):
        with checked_out(f"git+file://{root}{ref}") as checkout:
            assert checkout.commit is not None
            assert checkout.commit.revision == commit


@pytest.mark.parametrize(
    ("address", "asked", "clone"),
    [
        ("https://h/t/app", {}, {"repository": "https://h/t/app"}),
        ("git+https://h/app@v1", {}, {"repository": "https://h/app", "branch": "v1"}),
        ("https://h/app@abcdef0", {}, {"repository": "https://h/app", "commit_sha": "abcdef0"}),
        ("https://h/app@refs/tags/v1", {}, {"repository": "https://h/app", "branch": "v1"}),
        ("https://h/app@HEAD", {}, {"repository": "https://h/app"}),
        ("https://h/app@cafe", {}, {"repository": "https://h/app", "branch": "cafe"}),
        (
            "git@h:app",
            {"submodules": True},
            {"repository": "git@h:app", "include_submodules": True},
        ),
        ("git@h:app", {"directories": ("a",)}, {"repository": "git@h:app", "directories": ["a"]}),
        (
            "https://h/app",
            {"credentials": "env:TOKEN"},
            {"repository": "https://h/app", "access_token": "{{ $TOKEN }}"},
        ),
        (
            "https://h/app",
            {"credentials": "block://secret/mine"},
            {"repository": "https://h/app", "access_token": "{{ prefect.blocks.secret.mine }}"},
        ),
        (
            "https://h/app",
            {"credentials": "block://github-credentials/mine"},
            {
                "repository": "https://h/app",
                "credentials": "{{ prefect.blocks.github-credentials.mine }}",
            },
        ),
    ],
)
def test_a_run_clones_it_by_itself(
    address: str, asked: dict[str, Any], clone: dict[str, Any]
) -> None:
    """With a reference to the secret alone."""
    pulled = opened(address, **asked).pulled()
    assert pulled.steps == ({GIT_CLONE: {"id": "pull_code", **clone}},)
    assert (pulled.libraries, pulled.folder) == ((), None)


def test_a_run_goes_to_the_subdirectory() -> None:
    """Of the clone, wherever that is."""
    _, second = opened("https://h/app#x/y").pulled().steps
    assert second == {SET_DIRECTORY: {"directory": "{{ pull_code.directory }}/x/y"}}


def test_a_run_cannot_clone_what_is_on_this_machine(origin: Path) -> None:
    """Another machine does not see it."""
    with pytest.raises(UsageError, match="on this machine"):
        opened(f"git+file://{origin}").pulled()


@pytest.mark.parametrize(
    "credentials", ["env:TOKEN", "block://secret/mine", "block://github-credentials/mine"]
)
def test_a_run_sends_no_token_over_http(credentials: str) -> None:
    """Prefect's step would leave it out without a word, so that is refused, with what works."""
    source = opened("http://h/app", credentials=credentials)
    with pytest.raises(UsageError, match="over https alone") as caught:
        source.pulled()

    assert "--code baked" in str(caught.value.hint)
    assert opened("http://h/app").pulled().steps


@pytest.mark.parametrize("address", ["git@h:app", "ssh://h/app", "git+file:///srv/app"])
def test_credentials_are_for_http_alone(address: str) -> None:
    """Keys are the business of ssh."""
    with pytest.raises(UsageError, match="env:TOKEN"):
        opened(address, credentials="env:TOKEN")
