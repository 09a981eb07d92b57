"""The build context: the same files are the same tree, and nothing else is in it."""

from __future__ import annotations

import os
import socket
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from imagebuild.context import ProjectContext, read_context
from imagebuild.errors import UsageError
from tests.support.command import listing
from tests.unit.values import write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from typing_extensions import Self

FILES = {"flow.py": "pass\n", "lib/a.py": "a", "lib-x/b.py": "b", "lib.py": "c", "z/y/x.txt": "d"}
NOBODY = 65534


def paths(context: ProjectContext) -> list[str]:
    """What is sent."""
    return [node.path for node in context.nodes]


def refused(root: Path) -> UsageError:
    """The error for a folder that cannot be sent."""
    with pytest.raises(UsageError) as caught:
        read_context(root)
    return caught.value


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@contextmanager
def without_privileges() -> Iterator[None]:
    """Be an ordinary user for a while: root may read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_entries_are_sorted_component_by_component(tmp_path: Path) -> None:
    """A folder's entries follow it at once, as BuildKit's walk has them."""
    assert paths(read_context(write(tmp_path, FILES))) == [
        *("flow.py", "lib", "lib/a.py", "lib-x", "lib-x/b.py", "lib.py"),
        *("z", "z/y", "z/y/x.txt"),
    ]


def test_the_same_files_are_the_same_context(tmp_path: Path) -> None:
    """Under another umask, at another time, written in another order, in another folder."""
    one = read_context(write(tmp_path / "one", FILES))
    before = os.umask(0o077)
    try:
        write(tmp_path / "two", dict(reversed(FILES.items())))
    finally:
        os.umask(before)
    for path in (tmp_path / "two").rglob("*"):
        os.utime(path, (0, 0))
    two = read_context(tmp_path / "two")

    assert one.nodes == two.nodes
    assert one.digest == two.digest
    assert [node.mtime_ns for node in one.nodes] == [node.mtime_ns for node in two.nodes]


@pytest.mark.parametrize(
    ("mode", "sent"),
    [
        (0o644, 0o644),
        (0o600, 0o644),
        (0o666, 0o644),
        (0o444, 0o644),
        (0o755, 0o755),
        (0o700, 0o755),
        (0o500, 0o755),
        (0o655, 0o644),
        (0o4755, 0o755),
        (0o1644, 0o644),
    ],
)
def test_a_file_is_executable_or_not_and_nothing_else(tmp_path: Path, mode: int, sent: int) -> None:
    """The owner's bit decides; set-user-ID never goes into an image."""
    write(tmp_path, {"run.sh": "exit\n"})
    (tmp_path / "run.sh").chmod(mode)

    assert [node.mode for node in read_context(tmp_path).nodes] == [sent]


def test_a_folder_is_open_to_all_whatever_it_was(tmp_path: Path) -> None:
    """The image's user is another one."""
    write(tmp_path, {"lib/a.py": ""})
    (tmp_path / "lib").chmod(0o700)

    assert read_context(tmp_path).nodes[0].mode == 0o755


def test_an_edit_that_keeps_size_and_time_is_seen(tmp_path: Path) -> None:
    """In the digest, and in the time that BuildKit looks at."""
    write(tmp_path, {"flow.py": "one"})
    before, times = read_context(tmp_path), (tmp_path / "flow.py").stat()
    write(tmp_path, {"flow.py": "two"})
    os.utime(tmp_path / "flow.py", ns=(times.st_atime_ns, times.st_mtime_ns))
    after = read_context(tmp_path)

    assert before.digest != after.digest
    assert before.nodes[0].size == after.nodes[0].size
    assert before.nodes[0].mtime_ns // 10**9 != after.nodes[0].mtime_ns // 10**9


@pytest.mark.parametrize("change", ["content", "name", "mode", "folder", "link"])
def test_every_change_changes_the_digest(tmp_path: Path, change: str) -> None:
    """Of a file's content, name and mode, of an empty folder, of a link's target."""
    write(tmp_path, {"flow.py": "pass\n"})
    (tmp_path / "link").symlink_to("flow.py")
    before = read_context(tmp_path).digest
    if change == "content":
        write(tmp_path, {"flow.py": "Pass\n"})
    elif change == "name":
        (tmp_path / "flow.py").rename(tmp_path / "flow2.py")
    elif change == "mode":
        (tmp_path / "flow.py").chmod(0o755)
    elif change == "folder":
        (tmp_path / "empty").mkdir()
    else:
        (tmp_path / "link").unlink()
        (tmp_path / "link").symlink_to("other.py")

    assert read_context(tmp_path).digest != before


def test_content_size_and_digest_are_those_of_the_file(tmp_path: Path) -> None:
    """And it is given again as it is."""
    context = read_context(write(tmp_path, {"a.txt": "abc", "b.txt": ""}))
    [a, b] = context.nodes

    assert (a.size, b.size) == (3, 0)
    assert a.digest == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert context.digests == {"a.txt": a.digest, "b.txt": b.digest}
    with context.open("a.txt") as file:
        assert file.read() == b"abc"


def test_nothing_but_the_files_of_the_context_can_be_opened(tmp_path: Path) -> None:
    """Neither ignored files, nor folders, nor anything outside."""
    write(tmp_path, {"root/a": "", "root/.env": "secret", "root/lib/b": "", "outside": ""})
    context = read_context(tmp_path / "root")

    for path in (".env", "lib", "../outside", "gone", str(tmp_path / "outside")):
        with pytest.raises(FileNotFoundError):
            context.open(path)


def test_what_replaced_a_file_meanwhile_is_not_followed(tmp_path: Path) -> None:
    """A link or a FIFO in its place is an error, at once."""
    write(tmp_path, {"root/a": "", "root/b": "", "outside": "secret"})
    context = read_context(tmp_path / "root")
    for path in ("a", "b"):
        (tmp_path / "root" / path).unlink()
    (tmp_path / "root" / "a").symlink_to("../outside")
    os.mkfifo(tmp_path / "root" / "b")

    for path in ("a", "b"):
        with pytest.raises(OSError, match=r"symbolic|regular"):
            context.open(path)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("lib", ["lib", "lib/a.py"]),
        ("lib/", ["lib", "lib/a.py"]),
        ("z", ["z", "z/y", "z/y/x.txt"]),
        ("lib.py", ["lib.py"]),
        ("li", []),
    ],
)
def test_what_is_under_a_path_is_found_at_any_depth(
    tmp_path: Path, path: str, expected: list[str]
) -> None:
    """By whole names, and with the path itself."""
    context = read_context(write(tmp_path, FILES))

    assert [node.path for node in context.under(path)] == expected
    assert list(context.under(".")) == list(context.under("./")) == list(context.nodes)


def test_an_entry_is_found_by_its_path(tmp_path: Path) -> None:
    """Of any kind, and nothing that is not sent."""
    write(tmp_path, {"lib/a.py": "", ".env": ""})
    context = read_context(tmp_path)
    [folder, file] = context.nodes

    assert (context.find("lib"), context.find("lib/a.py")) == (folder, file)
    assert context.find(".env") is None
    assert context.find("") is None


@pytest.mark.parametrize("size", [-1, 1, 2, 3, 4, 1000])
def test_a_file_that_changed_meanwhile_is_not_sent_as_what_it_was(
    tmp_path: Path, size: int
) -> None:
    """In whatever pieces it is read, and though size and time are the same."""
    write(tmp_path, {"a": "abc", "b": "abc"})
    context = read_context(tmp_path)
    write(tmp_path, {"a": "abd"})

    with context.open("b") as file:
        assert b"".join(iter(lambda: file.read(size), b"")) == b"abc"
    with context.open("a") as file, pytest.raises(OSError, match="changed since it was read"):
        b"".join(iter(lambda: file.read(size), b""))


@pytest.mark.parametrize(
    "target", ["flow.py", "gone.py", "../a/flow.py", "../flow.py", "b/../flow.py"]
)
def test_a_link_that_stays_in_the_project_is_sent_as_it_is(tmp_path: Path, target: str) -> None:
    """Also one that leads nowhere."""
    write(tmp_path, {"a/flow.py": ""})
    (tmp_path / "a" / "link").symlink_to(target)
    [_, _, link] = read_context(tmp_path).nodes

    assert (link.path, link.kind, link.target, link.mode) == ("a/link", "link", target, 0o777)


def test_a_link_to_a_folder_is_not_entered(tmp_path: Path) -> None:
    """So that a circle of them ends."""
    write(tmp_path, {"a/flow.py": ""})
    (tmp_path / "a" / "again").symlink_to("..")

    assert paths(read_context(tmp_path)) == ["a", "a/again", "a/flow.py"]


@pytest.mark.parametrize(
    "target", ["/etc/passwd", "..", "../../x", "../a/../../x", "b/../../../x", "../.."]
)
def test_a_link_that_leaves_the_project_is_refused(tmp_path: Path, target: str) -> None:
    """In the image it would lead elsewhere; an absolute one does so even where it is inside."""
    (tmp_path / "root").mkdir()
    name = "link" if target == ".." else "a/link"
    (tmp_path / "root" / name).parent.mkdir(exist_ok=True)
    (tmp_path / "root" / name).symlink_to(target)
    error = refused(tmp_path / "root")

    assert error.message == f"cannot send {name}: it is a link to {target}, outside the project"
    assert f"add {name} to .dockerignore" in (error.hint or "")


def test_an_ignored_link_may_lead_anywhere(tmp_path: Path) -> None:
    """The hint of the error works."""
    write(tmp_path, {".dockerignore": "link\n"})
    (tmp_path / "link").symlink_to("/etc")

    assert paths(read_context(tmp_path)) == []


def test_what_no_image_can_hold_is_skipped_and_told(tmp_path: Path) -> None:
    """A FIFO is not waited for; an ignored one is not worth a word."""
    write(tmp_path, {"a": "", ".dockerignore": "ignored\n"})
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / "ignored")
    with socket.socket(socket.AF_UNIX) as server, pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        server.bind("socket")
        context = read_context(tmp_path)

    assert paths(context) == ["a"]
    assert context.skipped == ("pipe", "socket")


def test_a_virtual_environment_of_any_name_stays_out(tmp_path: Path) -> None:
    """It is known by its pyvenv.cfg; a folder named like one is a folder."""
    write(tmp_path, {"my-env/pyvenv.cfg": "", "my-env/lib/x.py": "", "venv/a.py": ""})

    assert paths(read_context(tmp_path)) == ["venv", "venv/a.py"]


def test_secrets_that_stay_out_are_listed(tmp_path: Path) -> None:
    """Files and whole folders; not one that a line brought back, nor what is no secret."""
    files = [".env", "src/id_rsa", "certs/server.key", ".ssh/config", "prod.env", ".git/config"]
    ignore = {".dockerignore": "!prod/.env\n", "prod/.env": ""}
    context = read_context(write(tmp_path, {**dict.fromkeys(files, "x"), **ignore}))

    assert context.withheld == (".env", ".ssh/", "certs/server.key", "src/id_rsa")
    assert "prod/.env" in paths(context)
    assert "prod.env" in paths(context)


def test_an_empty_folder_is_sent_and_an_ignored_one_only_for_what_comes_back(
    tmp_path: Path,
) -> None:
    """With the folders above it."""
    write(tmp_path, {".dockerignore": "data\n!data/in/keep\n", "data/in/keep": "", "data/x": ""})
    (tmp_path / "empty").mkdir()

    assert paths(read_context(tmp_path)) == ["data", "data/in", "data/in/keep", "empty"]


def test_an_ignored_folder_that_nothing_brings_back_is_not_entered(open_folder: Path) -> None:
    """One that could not be read shows it."""
    write(
        open_folder, {".dockerignore": "big\nother\n!big2\n!other/x\n", "big/a": "", "other/b": ""}
    )
    (open_folder / "big").chmod(0)
    with without_privileges():
        assert paths(read_context(open_folder)) == []
    (open_folder / "other").chmod(0)
    with without_privileges():
        error = refused(open_folder)
    (open_folder / "big").chmod(0o755)
    (open_folder / "other").chmod(0o755)

    assert error.message == "cannot read other"


@pytest.mark.parametrize("path", ["flow.py", "lib", "lib/deep", ".dockerignore"])
def test_what_cannot_be_read_is_an_error(open_folder: Path, path: str) -> None:
    """With its own path, file and folder alike."""
    write(open_folder, {"flow.py": "", "lib/deep/a.py": "", ".dockerignore": ""})
    (open_folder / path).chmod(0)
    with without_privileges():
        error = refused(open_folder)
    (open_folder / path).chmod(0o755)

    assert (error.message, error.causes) == (f"cannot read {path}", ("permission denied",))
    assert error.hint == "make it readable, or leave it out: add it to .dockerignore"


def test_the_root_itself_must_be_readable(open_folder: Path) -> None:
    """Said as an error of the folder, not as a bug."""
    root = write(open_folder / "root", {"flow.py": ""})
    root.chmod(0o311)
    with without_privileges():
        error = refused(root)
    root.chmod(0o755)

    assert error.causes == ("permission denied",)


@pytest.mark.parametrize("name", [b"caf\xe9.py", b"caf\xe9/a.py", b"caf\xe9/"])
def test_a_name_that_is_not_utf_8_is_refused(tmp_path: Path, name: bytes) -> None:
    """It could not be the same in every image; shown in a way that can be printed."""
    path = Path(os.fsdecode(bytes(tmp_path) + b"/" + name))
    if name.endswith(b"/"):
        path.mkdir()
    else:
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    error = refused(tmp_path)

    assert error.message.startswith("cannot send caf\\udce9")
    assert error.causes == ("its name is not UTF-8",)


def test_a_link_to_a_name_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    """By the link's own name, which the user can look up."""
    (tmp_path / "link").symlink_to(os.fsdecode(b"caf\xe9"))
    error = refused(tmp_path)

    assert error.message == "cannot send link"
    assert error.causes == ("the target caf\\udce9 of this link is not UTF-8",)


def test_odd_names_are_sent_as_they_are(tmp_path: Path) -> None:
    """Spaces, quotes, line breaks, other scripts: all of it is UTF-8."""
    names = sorted(["a b", "it's", 'say "x"', "a\nb", "ключ", "$HOME", "-r", "{{x}}", "a\\b"])
    context = read_context(write(tmp_path, dict.fromkeys(names, "")))

    assert sorted(paths(context)) == names


@pytest.mark.parametrize(
    ("content", "message", "cause"),
    [
        (b"a\n\nb[\n", "cannot use .dockerignore", ".dockerignore, line 3: 'b['"),
        (b"!\n", "cannot use .dockerignore", ".dockerignore, line 1: '!'"),
        (b"a\ncaf\xe9\n", "cannot read .dockerignore", "can't decode byte 0xe9"),
    ],
)
def test_an_ignore_file_that_cannot_be_used_is_an_error(
    tmp_path: Path, content: bytes, message: str, cause: str
) -> None:
    """With the line, before anything is sent."""
    (tmp_path / ".dockerignore").write_bytes(content)
    error = refused(tmp_path)

    assert error.message == message
    assert cause in error.causes[0]


def test_an_ignore_file_that_is_a_folder_is_an_error(tmp_path: Path) -> None:
    """Docker refuses it too."""
    (tmp_path / ".dockerignore").mkdir()

    assert refused(tmp_path).causes == ("is a directory",)


def test_the_ignore_file_itself_is_not_sent(tmp_path: Path) -> None:
    """What is sent follows from it, so it needs no place in the key."""
    write(tmp_path, {"a": ""})
    before = read_context(tmp_path)
    write(tmp_path, {".dockerignore": "# nothing\n"})

    assert read_context(tmp_path).digest == before.digest


def test_nothing_is_written_into_the_folder(tmp_path: Path) -> None:
    """Every entry has its mode, size and time as before, the folders' own too."""
    write(tmp_path, {**FILES, ".dockerignore": "*.log\n", ".env": "x", "a.log": ""})
    before = listing(tmp_path), tmp_path.stat().st_mtime_ns
    context = read_context(tmp_path)
    for path in context.digests:
        context.open(path).close()

    assert (listing(tmp_path), tmp_path.stat().st_mtime_ns) == before


def test_a_folder_that_vanishes_in_between_is_an_error(tmp_path: Path) -> None:
    """And no traceback: a walk takes time, and others go on working."""
    write(tmp_path, {"a/x": ""})
    scan = os.scandir

    def scandir(folder: int) -> Iterable[os.DirEntry[str]]:
        entries = _Entries(scan(folder))
        (tmp_path / "a").rename(tmp_path / "away")
        return entries

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "scandir", scandir)
        error = refused(tmp_path)

    assert error.message == "cannot read a"
    assert error.causes == ("no such file or directory",)


class _Entries(list["os.DirEntry[str]"]):
    """Entries as `os.scandir` gives them: to be used in a `with` block."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def test_a_folder_that_becomes_a_link_in_between_is_not_followed(tmp_path: Path) -> None:
    """What lies outside of the project stays there, whoever is quick."""
    write(tmp_path, {"root/a/x": "", "outside/secret": ""})
    scan = os.scandir

    def scandir(folder: int) -> Iterable[os.DirEntry[str]]:
        entries = _Entries(scan(folder))
        (tmp_path / "root" / "a").rename(tmp_path / "away")
        (tmp_path / "root" / "a").symlink_to(tmp_path / "outside")
        return entries

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "scandir", scandir)
        error = refused(tmp_path / "root")

    assert error.message == "cannot read a"


def test_each_folder_is_listed_once_and_each_file_opened_once(tmp_path: Path) -> None:
    """What is left out is neither listed nor opened: a virtual environment may be large."""
    write(tmp_path, {**FILES, ".git/config": "", ".env": "", "v/pyvenv.cfg": "", "v/lib/x": ""})
    calls: dict[str, list[object]] = {"open": [], "scandir": [], "fstat": []}
    asked: list[object] = []

    with pytest.MonkeyPatch.context() as patch:
        for name, seen in calls.items():
            patch.setattr(os, name, _recorded(getattr(os, name), seen))
        patch.setattr(Path, "exists", _recorded(Path.exists, asked))
        read_context(tmp_path)

    files = ["flow.py", "a.py", "b.py", "lib.py", "x.txt"]
    folders = [tmp_path, "lib", "lib-x", "z", "y"]
    assert sorted(map(str, calls["open"])) == sorted(map(str, [*files, *folders]))
    assert (len(calls["scandir"]), len(calls["fstat"])) == (len(folders), len(files))
    # Each folder that may be sent is asked once whether it is a virtual environment.
    marks = [str(path) for path in asked if str(path).endswith("pyvenv.cfg")]
    assert sorted(marks) == sorted(
        str(tmp_path / path / "pyvenv.cfg") for path in ("lib", "lib-x", "v", "z", "z/y")
    )


def _recorded(call: Callable[..., Any], seen: list[object]) -> Callable[..., Any]:
    def recorded(path: object, *args: Any, **options: Any) -> Any:
        seen.append(path)
        return call(path, *args, **options)

    return recorded


def test_what_is_left_out_is_told_with_its_rule(tmp_path: Path) -> None:
    """A folder that is not entered is one entry; of one that is, what is not brought back."""
    write(tmp_path, {".dockerignore": "*.log\n\ndata\n!data/keep\n", "a.log": "", "flow.py": ""})
    write(tmp_path, {"data/keep": "", "data/x": "", ".git/config": "", "v/pyvenv.cfg": ""})
    context = read_context(tmp_path)

    assert [(left.path, left.is_dir, str(left.rule)) for left in context.ignored] == [
        (".dockerignore", False, "the built-in list (.dockerignore)"),
        (".git", True, "the built-in list (.git)"),
        ("a.log", False, ".dockerignore, line 1 (*.log)"),
        ("data/x", False, ".dockerignore, line 3 (data)"),
        ("v", True, "the built-in list (a directory that holds pyvenv.cfg)"),
    ]
    assert context.ignored_more == {}


def test_of_many_that_one_rule_leaves_out_the_first_are_listed_and_all_counted(
    tmp_path: Path,
) -> None:
    """So that a folder of ten thousand logs is twenty lines and a number."""
    write(tmp_path, {".dockerignore": "*.log\n", **{f"{n:03}.log": "" for n in range(50)}})
    context = read_context(tmp_path)
    logs = [left for left in context.ignored if left.rule.line == 1]

    assert [left.path for left in logs] == [f"{n:03}.log" for n in range(20)]
    assert context.ignored_more == {logs[0].rule: 30}


@pytest.mark.parametrize("inside", [True, False], ids=["in the root", "outside of it"])
@pytest.mark.parametrize("name", ["Dockerfile", "web.Dockerfile", "web"])
def test_an_ignore_file_of_the_dockerfiles_own_counts_instead(
    tmp_path: Path, name: str, inside: bool
) -> None:
    """It lies beside the Dockerfile; the one of the root says nothing then."""
    root = write(tmp_path / "root", {".dockerignore": "a\n", "a": "", "b": ""})
    folder = write(root / "docker" if inside else tmp_path / "docker", {f"{name}.dockerignore": ""})
    write(folder, {f"{name}.dockerignore": "b\n", "other.dockerignore": "*\n"})
    context = read_context(root, folder / name)

    assert [node.path for node in context.nodes if node.kind == "file"] == ["a"]
    source = f"{'' if inside else '../'}docker/{name}.dockerignore"
    assert context.ignore.source == source
    assert [str(left.rule) for left in context.ignored if left.path == "b"] == [
        f"{source}, line 1 (b)"
    ]


def test_a_dockerfile_without_an_ignore_file_has_that_of_the_root(tmp_path: Path) -> None:
    """Named relative to the root, or not named at all, where it is ours."""
    write(tmp_path, {".dockerignore": "a\n", "a": "", "docker/b.dockerignore": "*\n"})

    for dockerfile in (None, Path("Dockerfile"), Path("docker/web"), tmp_path / "web"):
        context = read_context(tmp_path, dockerfile)
        assert paths(context) == ["docker"]
        assert context.ignore.source == ".dockerignore"


def test_errors_name_the_ignore_file_that_decides(tmp_path: Path) -> None:
    """A hint to write into another one would not help."""
    write(tmp_path, {"docker/web.dockerignore": "b\n"})
    (tmp_path / "link").symlink_to("/etc")
    with pytest.raises(UsageError) as outside:
        read_context(tmp_path, Path("docker/web"))
    write(tmp_path, {"docker/web.dockerignore": "[\n"})
    with pytest.raises(UsageError) as bad:
        read_context(tmp_path, Path("docker/web"))

    assert (outside.value.hint or "").endswith("add link to docker/web.dockerignore")
    assert bad.value.message == "cannot use docker/web.dockerignore"
    assert bad.value.causes[0].startswith("docker/web.dockerignore, line 1: '['")
