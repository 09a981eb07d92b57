"""What git says of a folder, without a word in it and without running what it names."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from imagebuild.commit import Commit
from imagebuild.git import address, read_commit
from tests.unit.values import write

if TYPE_CHECKING:
    from pathlib import Path

TIME = 1700000000
ENV = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "author",
    "GIT_AUTHOR_EMAIL": "author@example.com",
    "GIT_AUTHOR_DATE": "1600000000 +0200",
    "GIT_COMMITTER_NAME": "committer",
    "GIT_COMMITTER_EMAIL": "committer@example.com",
    "GIT_COMMITTER_DATE": f"{TIME} -0730",
}


def git(root: Path, *arguments: str) -> str:
    """What git answers there."""
    result = subprocess.run(
        ["git", "-C", str(root), *arguments], env=ENV, capture_output=True, text=True, check=True
    )
    return result.stdout.strip()


def committed(root: Path, files: dict[str, str] | None = None) -> Path:
    """A repository whose one commit has these files."""
    root.mkdir(exist_ok=True)
    git(root, "init", "--quiet")
    write(root, files or {"app/flow.py": "one\n", "other/file": "one\n"})
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "tree 1\ncommitter x <x> 5 +0000")
    return root


def commit(root: Path, **env: str) -> Commit:
    """The commit of a folder that has one."""
    found = read_commit(root, ENV | env)
    assert found is not None
    return found


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a project in `app`, and nothing changed."""
    return committed(tmp_path / "repository")


@pytest.mark.parametrize("folder", [".", "app"])
def test_a_folder_is_of_the_commit_that_is_checked_out(repository: Path, folder: str) -> None:
    """As of its committer's time, which no zone shifts."""
    assert commit(repository / folder) == Commit(git(repository, "rev-parse", "HEAD"), TIME)


def test_a_repository_may_hash_with_sha_256(tmp_path: Path) -> None:
    """Its revisions are longer."""
    git(tmp_path, "init", "--quiet", "--object-format=sha256")
    assert len(commit(committed(tmp_path)).revision) == 64


@pytest.mark.parametrize("what", ["edited", "staged", "deleted", "added", "mode"])
def test_a_folder_is_dirty_where_tracked_files_differ(repository: Path, what: str) -> None:
    """On the disk or in the index, whatever it is that differs."""
    flow = repository / "app" / "flow.py"
    if what in {"edited", "staged"}:
        flow.write_text("two\n")
    if what == "staged":
        git(repository, "add", ".")
        flow.write_text("one\n")
    if what == "deleted":
        flow.unlink()
    if what == "added":
        write(repository, {"app/new.py": ""})
        git(repository, "add", ".")
    if what == "mode":
        flow.chmod(0o755)
    assert commit(repository / "app").dirty
    assert commit(repository).dirty
    assert not commit(repository / "other").dirty


def test_a_folder_is_not_dirty_where_git_describe_would_not_say_so(repository: Path) -> None:
    """New files, ignored ones, and files that were only touched."""
    write(repository, {"app/new.py": "", ".gitignore": "*.log\n", "app/a.log": ""})
    os.utime(repository / "app" / "flow.py", (TIME, TIME))
    assert not commit(repository).dirty
    assert git(repository, "describe", "--always", "--dirty").endswith("-dirty") is False


def test_nothing_is_written(repository: Path) -> None:
    """Not even the times that git keeps in its index."""
    os.utime(repository / "app" / "flow.py", (TIME, TIME))
    before = {path: path.stat().st_mtime_ns for path in repository.rglob("*")}
    contents = (repository / ".git" / "index").read_bytes()
    commit(repository)
    assert {path: path.stat().st_mtime_ns for path in repository.rglob("*")} == before
    assert (repository / ".git" / "index").read_bytes() == contents


def test_no_program_that_a_repository_names_is_run(repository: Path) -> None:
    """Whoever made a folder is not whoever deploys it."""
    marker = repository / "ran"
    program = f"touch {marker}; cat"
    hook = repository / ".git" / "hooks" / "post-index-change"
    write(hook.parent, {hook.name: f"#!/bin/sh\n{program}\n"})
    hook.chmod(0o755)
    for key in (
        "core.fsmonitor",
        "core.pager",
        "core.sshCommand",
        "diff.external",
        "diff.own.command",
        "diff.own.textconv",
        "filter.own.clean",
        "filter.own.process",
        "filter.own.smudge",
        "pager.status",
        "alias.status",
        "alias.cat-file",
    ):
        git(repository, "config", key, program)
    git(repository, "config", "filter.own.required", "true")
    git(repository, "config", "include.path", "more")
    write(repository / ".git", {"more": f'[filter "A.b"]\n\tclean = {program}\n'})
    attributes = "*.py filter=own diff=own\nfile filter=A.b\n"
    write(repository, {".gitattributes": attributes, "app/flow.py": "two\n"})
    write(repository, {"other/file": "two\n"})

    assert commit(repository).dirty
    assert not marker.exists()


def test_nothing_is_fetched(repository: Path) -> None:
    """A partial clone lacks files, and names the program that gets them."""
    marker = repository / "ran"
    for key, value in {
        "core.repositoryFormatVersion": "1",
        "core.sshCommand": f"touch {marker}; false",
        "extensions.partialClone": "origin",
        "remote.origin.url": "ssh://git.example.com/app.git",
        "remote.origin.promisor": "true",
    }.items():
        git(repository, "config", key, value)
    tree = git(repository, "rev-parse", "HEAD:")
    (repository / ".git" / "objects" / tree[:2] / tree[2:]).unlink()

    assert read_commit(repository, ENV) is None
    assert not marker.exists()


def test_a_filter_of_the_users_own_is_used(repository: Path, tmp_path: Path) -> None:
    """Git LFS is one: what lies in the folder is not what is committed."""
    write(tmp_path, {"config": '[filter "upper"]\n\tclean = tr A-Z a-z\n'})
    write(repository, {".gitattributes": "*.py filter=upper\n", "app/flow.py": "ONE\n"})
    assert not commit(repository, GIT_CONFIG_GLOBAL=str(tmp_path / "config")).dirty
    assert commit(repository).dirty


def test_a_filter_with_a_name_that_cannot_be_switched_off_is_not_run(repository: Path) -> None:
    """Rather nothing is known."""
    git(repository, "config", "filter.a=b.clean", "false")
    assert read_commit(repository, ENV) is None


@pytest.mark.parametrize("name", ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"])
def test_a_hook_of_another_repository_does_not_mislead(repository: Path, name: str) -> None:
    """Git tells its hooks where it is, and they might start us anywhere."""
    expected = commit(repository)
    assert commit(repository, **{name: str(repository / "other")}) == expected


def test_a_folder_without_a_commit_has_none(repository: Path, tmp_path: Path) -> None:
    """No repository, an empty one, an untracked or ignored folder, git's own, a file, nothing."""
    write(tmp_path, {"plain/file": "", "empty/file": ""})
    git(tmp_path / "empty", "init", "--quiet")
    write(repository, {"new/file": "", "out/file": "", ".gitignore": "out/\n"})
    folders = [
        tmp_path / "plain",
        tmp_path / "empty",
        repository / "new",
        repository / "out",
        repository / ".git",
        repository / ".gitignore",
        repository / "gone",
    ]
    ceiling = {"GIT_CEILING_DIRECTORIES": str(tmp_path)}
    assert [read_commit(folder, ENV | ceiling) for folder in folders] == [None] * len(folders)


@pytest.mark.parametrize(
    "script",
    [None, "exit 1", "echo nonsense", "printf '\\377\\0\\n'", "kill -9 $$"],
)
def test_a_git_that_does_not_answer_is_no_error(
    repository: Path, tmp_path: Path, script: str | None
) -> None:
    """Where it is not there, refuses, or says what nobody understands."""
    tools = tmp_path / "tools"
    tools.mkdir()
    if script is not None:
        write(tools, {"git": f"#!/bin/sh\n{script}\n"})
        (tools / "git").chmod(0o755)
    assert read_commit(repository, ENV | {"PATH": str(tools)}) is None


def test_a_git_that_takes_too_long_is_not_waited_for(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A label is not worth it."""
    monkeypatch.setattr("imagebuild.git._SECONDS", 0.05)
    write(tmp_path / "tools", {"git": "#!/bin/sh\nexec sleep 60\n"})
    (tmp_path / "tools" / "git").chmod(0o755)
    path = f"{tmp_path / 'tools'}:{ENV['PATH']}"
    assert read_commit(repository, ENV | {"PATH": path}) is None


def test_a_repository_of_somebody_else_is_refused_by_git(repository: Path) -> None:
    """And that is no error: https://git-scm.com/docs/git-config#Documentation/git-config.txt-safedirectory."""
    assert read_commit(repository, ENV | {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}) is None


def test_a_submodule_counts_by_its_commit_alone(repository: Path, tmp_path: Path) -> None:
    """What it holds beside that is not looked for."""
    module = repository / "app" / "module"
    committed(module, {"file": "one\n"})
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "--message", "two")
    write(module, {"file": "two\n"})
    assert not commit(repository).dirty
    assert commit(module).dirty
    git(module, "commit", "--quiet", "--all", "--message", "two")
    assert commit(repository).dirty


def test_the_address_is_that_of_origin_else_of_the_first_remote(repository: Path) -> None:
    """Without what its owner logs in with."""
    git(repository, "remote", "add", "upstream", "https://me:canary@git.example.com/up.git")
    git(repository, "remote", "add", "fork", "https://git.example.com/fork.git")
    assert commit(repository).url == "https://git.example.com/up.git"
    git(repository, "remote", "add", "origin", "git@git.example.com:team/app.git")
    git(repository, "remote", "set-url", "--add", "origin", "https://git.example.com/two.git")
    assert commit(repository).url == "ssh://git.example.com/team/app.git"
    git(repository, "config", "--replace-all", "remote.origin.url", "/srv/app.git")
    assert commit(repository).url is None


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://github.com/team/app.git", "https://github.com/team/app.git"),
        ("HTTPS://github.com/team/app", "https://github.com/team/app"),
        ("http://git.example.com:8080/app/", "http://git.example.com:8080/app/"),
        ("https://canary@github.com/team/app", "https://github.com/team/app"),
        ("https://me:canary@github.com/team/app", "https://github.com/team/app"),
        ("https://me:can@ry@github.com/team/app", "https://github.com/team/app"),
        ("https://github.com/team/app?token=canary", "https://github.com/team/app"),
        ("https://github.com/team/app#canary", "https://github.com/team/app"),
        ("https://github.com/team/app#can@ry/", "https://github.com/team/app"),
        ("https://[::1]:8443/app", "https://[::1]:8443/app"),
        ("ssh://git@git.example.com:22/team/app.git", "ssh://git.example.com:22/team/app.git"),
        ("git@github.com:team/app.git", "ssh://github.com/team/app.git"),
        ("git.example.com:/srv/app.git", "ssh://git.example.com/srv/app.git"),
        ("git@[::1]:app.git", "ssh://[::1]/app.git"),
        # These may hold a secret, or mean nothing elsewhere.
        ("https://me:can/ary@github.com/app", None),
        ("https://me:1/canary@github.com/app", None),
        ("https:/me:canary@github.com/app", None),
        ("https:me:canary@github.com/app", None),
        ("me:canary@github.com:app", None),
        ("https://github.com/a b", None),
        ("https://github.com/a\nb", None),
        ("https://github.com", None),
        ("https://", None),
        ("git://git.example.com/app.git", None),
        ("ext::sh -c canary", None),
        ("ext::canary", None),
        ("file:///srv/app.git", None),
        ("/srv/app.git", None),
        ("../app.git", None),
        ("./a:b", None),
        ("C:/app.git", None),
        ("C:\\app.git", None),
        ("app", None),
        ("", None),
    ],
)
def test_an_address_is_fit_for_everybody(url: str, shown: str | None) -> None:
    """It goes into every image, so no password may be in it, however it was written."""
    assert address(url) == shown
