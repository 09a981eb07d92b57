"""The docker CLI itself says what an ignore file means: what it sends is what we would send.

For most of it no engine takes part: a server on the loopback interface takes the classic builder's
context, a tar, and answers as if it had built. What the classic builder does not know, or does in
its own way, is asked of buildx and an engine's BuildKit. The tree holds no name that is on our own
built-in list.
"""

from __future__ import annotations

import io
import os
import random
import shutil
import subprocess
import tarfile
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from imagebuild.context import read_context
from imagebuild.ignore import BadPattern, Ignore
from tests.support.debian import buildx_plugin
from tests.unit.values import write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TREE = (
    "a",
    "b/a",
    "b/c.py",
    "b/d/e.txt",
    "b/d/f/a.py",
    "docs/README.md",
    "docs/readme.md",
    "docs/api/index.md",
    "src/app.py",
    "src/App.py",
    "src/pkg/mod.py",
    "src/pkg/mod.txt",
    "src/pkg/data/x[1].csv",
    "x-1.log",
    "xfile",
    "file",
    "a*b",
    "a b",
    "b^c",
    "#x",
    "!x",
    "é.py",
    "back\\slash",
    "q.(1)",
)
# Docker sends these two whatever the patterns say, and so may a builder of ours.
ALWAYS = {"Dockerfile", ".dockerignore"}
FOLDERS = {path[:at] for path in TREE for at, letter in enumerate(path) if letter == "/"}

# Lines that no generator would write, each a fact about the format.
BY_HAND = (
    "",
    "**\n!**/*.py",
    "*\n!src",
    "src\n!src/pkg/mod.py",
    "src/\n!src/pkg/\nsrc/pkg/*.txt",
    "b/d\n!b",
    "b/d/e.txt\n!b/d",
    "src/**\n!src/pkg",
    "**/a",
    "**file",
    "**/**/*.py",
    "b**/*.txt",
    "b/**\n!b/**/a.py",
    "src/pkg**",
    "***",
    "b/*/f",
    "./a\n../a\n/file\n//xfile\nb/../docs\nsrc/./app.py",
    "/\n.\n",
    "a \n file\t\n\u00a0xfile\u2003\n",
    "\ufeffa\nfile",
    "a\r\nfile\r\n",
    "# a\n #x\n",
    "\\#x",
    "#x",
    "\\!x",
    "/!x",
    "*\n/!x",
    "a\\*b\nb\\^c\nback\\\\slash\nq\\.(1)",
    "a\\ b",
    "b^c",
    "b^*\na^*",
    "src/pkg/data/x\\[1\\].csv",
    "[^x]",
    "b[^x]c.py",
    "[!x]",
    "[!a]x",
    "[a-z]",
    "[*]",
    "[?]",
    "[a*]",
    "[**]",
    "[^*]a",
    "[a.b]*",
    "[(]*\n[)]*",
    "[\\]a]",
    "[a\\-z]-1.log",
    "?",
    "??",
    "SRC\nFILE",
    "é.py",
    "?.py",
    "[à-ü].py",
    "docs\n!docs/README.md",
    "docs/*\n! docs/README.md",
    "!!x",
    "*\n!!x",
    "q.(1)",
    "q?[(]1)",
    "a|file",
    "/ a",
    "*\n!/ a",
    "*/*\n!*/pkg",
    "**/pkg\n!**/mod.*\n**/mod.txt",
)
REFUSED = ("[", "!", "a[", "[x-]", "[]a]", "[^", "[-x]", "a\\", "[a-b-c]", "!/", "! ", "*\n[a\\")


class _Daemon(ThreadingHTTPServer):
    """As much of an engine as `docker build` asks for; keeps the names in each build's tar."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.sent: dict[str, set[str]] = {}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Daemon

    def do_HEAD(self) -> None:
        self.answer(b"")

    def do_GET(self) -> None:
        self.answer(b"OK")

    def do_POST(self) -> None:
        body = io.BytesIO()
        while size := int(self.rfile.readline(), 16):
            body.write(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        body.seek(0)
        with tarfile.open(fileobj=body) as tar:
            tag = parse_qs(urlsplit(self.path).query)["t"][0]
            self.server.sent[tag] = set(tar.getnames())
        self.answer(b'{"stream":"done"}\n')

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Api-Version", "1.41")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- its name there
        """Say nothing."""


class _Docker:
    """The CLI, pointed at a daemon; each call has a copy of the tree of its own."""

    def __init__(self, daemon: _Daemon, folder: Path) -> None:
        command = shutil.which("docker")
        assert command, "these tests need the docker CLI; without it nothing here is known"
        self.command = command
        self.daemon = daemon
        self.folder = folder

    def sends(self, number: int, text: str) -> set[str] | None:
        """The names that the CLI sends, or None where it refuses the ignore file."""
        root = self.folder / str(number)
        for path in (*TREE, "Dockerfile"):
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("FROM scratch\n")
        (root / ".dockerignore").write_bytes(text.encode())
        tag = f"case:{number}"
        environment = {
            "PATH": os.environ["PATH"],
            "DOCKER_BUILDKIT": "0",
            "DOCKER_CONFIG": str(self.folder),
            "DOCKER_HOST": f"tcp://127.0.0.1:{self.daemon.server_address[1]}",
        }
        done = subprocess.run(
            [self.command, "build", "-t", tag, str(root)], env=environment, capture_output=True
        )
        if done.returncode:
            assert (
                b"ignore" in done.stderr
                or b"syntax error" in done.stderr
                or (b"exclusion pattern" in done.stderr)
            ), done.stderr
            return None
        return self.daemon.sent[tag] - ALWAYS - {"."}

    def all_send(self, texts: list[str]) -> list[set[str] | None]:
        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(self.sends, range(len(texts)), texts))


@pytest.fixture
def docker(tmp_path: Path) -> Iterator[_Docker]:
    """The real CLI, before a daemon of ours."""
    with _Daemon() as daemon:
        thread = threading.Thread(target=daemon.serve_forever, daemon=True)
        thread.start()
        yield _Docker(daemon, tmp_path)
        daemon.shutdown()
        thread.join()


def buildkit_sends(ignore: Ignore) -> set[str]:
    """What we send: every path that no rule leaves out, and the directories of these."""
    kept = {path for path in TREE if ignore.why(path, is_dir=False) is None}
    return kept | {path for path in FOLDERS if ignore.why(path, is_dir=True) is None}


def classic_sends(ignore: Ignore) -> set[str]:
    """The same, less what the classic builder misses because it does not look.

    The one difference: it enters a directory that is left out only where a `!` line begins with
    that directory's name, letter by letter, so that `**` and `!**/*.py` send no nested file.
    https://github.com/moby/go-archive/blob/main/archive.go (`TarWithOptions`)
    """
    comes_back = [line.cleaned[1:] + "/" for line in ignore.lines if line.keeps]
    closed = {
        folder
        for folder in FOLDERS
        if ignore.why(folder, is_dir=True)
        and not any(pattern.startswith(folder + "/") for pattern in comes_back)
    }
    return {
        path
        for path in buildkit_sends(ignore)
        if not any(path.startswith(folder + "/") for folder in closed)
    }


def generated(count: int) -> list[str]:
    """Ignore files of one to six lines, mostly about names that are in the tree."""
    chance = random.Random(20)
    return ["\n".join(_line(chance) for _ in range(chance.randint(1, 6))) for _ in range(count)]


def _line(chance: random.Random) -> str:
    if chance.random() < 0.05:
        return chance.choice(["", "# a", " ", "#", " # b", "\t"])
    parts = chance.choice([*TREE, *sorted(FOLDERS)]).split("/")
    parts = parts[: chance.randint(1, len(parts))] if chance.random() < 0.4 else parts
    pattern = "/".join(_part(chance, part) for part in parts)
    pattern = chance.choice(["", "", "", "", "**/", "**", "/", "./", "//", " ", "x/../"]) + pattern
    pattern += chance.choice(["", "", "", "", "", "/", "/**", "**", "/*", "/.", " ", "\r", "\t"])
    return chance.choice(["", "", "!", "! ", "!/"]) + pattern if chance.random() < 0.6 else pattern


def _part(chance: random.Random, name: str) -> str:
    at = chance.randrange(len(name))
    letter = name[at]
    before, after = name[:at], name[at + 1 :]
    before, after, whole = (_literal(text) for text in (before, after, name))
    other = chance.choice("abxz-]^!*?[.\\é")
    return chance.choice(
        [
            whole,
            whole,
            "*",
            "**",
            before + "*",
            "*" + after,
            f"{before}?{after}",
            f"{before}**{after}",
            f"{before}[{_member(letter)}{_member(other)}]{after}",
            f"{before}[^{_member(other)}]{after}",
            f"{before}[a-z]{after}",
            f"{before}[!-~]{after}",
            f"{before}\\{letter}{after}" if not letter.isalnum() else whole,
            whole.swapcase(),
            f"{before}{chance.choice('*?')}{after}*",
        ]
    )


def _literal(text: str) -> str:
    return "".join(f"\\{letter}" if letter in "*?[\\" else letter for letter in text)


def _member(letter: str) -> str:
    return f"\\{letter}" if letter in "-]\\[" else letter


def test_cli_sends_what_we_would(docker: _Docker) -> None:
    """Hundreds of ignore files mean the same to the CLI, pruning of directories apart."""
    texts = [*BY_HAND, *generated(320)]

    answers = docker.all_send(texts)

    differing = {
        text: (sorted(answer ^ expected) if answer is not None else "refused")
        for text, answer in zip(texts, answers, strict=True)
        if answer != (expected := classic_sends(Ignore.parse(text)))
    }
    assert differing == {}
    # A generator whose files all leave out everything, or nothing, would prove little.
    assert len({frozenset(answer or ()) for answer in answers}) > 100


def test_pruning_is_the_one_difference(docker: _Docker) -> None:
    """The classic CLI does not look for `.py` files in directories that `**` leaves out."""
    ignore = Ignore.parse("**\n!**/*.py")

    assert docker.sends(0, "**\n!**/*.py") == {"é.py"}
    assert buildkit_sends(ignore) == {path for path in TREE if path.endswith(".py")}


@pytest.mark.parametrize("text", REFUSED)
def test_cli_refuses_what_we_refuse(docker: _Docker, text: str) -> None:
    """A line that cannot be a pattern stops the build, whatever the files are called."""
    assert docker.sends(0, text) is None
    with pytest.raises(BadPattern):
        Ignore.parse(text)


# Where the classic builder is silent or differs: directories that are left out and hold what comes
# back, and the order of lines.
BY_BUILDKIT = (
    "**\n!**/*.py",
    "*\n!src",
    "*\n!**/mod.*\nsrc/pkg/mod.txt",
    "src\n!src/pkg/mod.py",
    "b/d\n!b",
    "b/d/e.txt\n!b/d",
    "*/*\n!*/pkg",
    "docs\n!docs/README.md",
)


def _copied(root: Path, dockerfile: Path, out: Path) -> set[str]:
    """The files that `COPY . /` finds in a build by buildx; directories are told by these."""
    plugin = buildx_plugin()
    environment = {"DOCKER_BUILDKIT": "1", **({"DOCKER_CONFIG": str(plugin)} if plugin else {})}
    done = subprocess.run(
        ["docker", "build", "--file", str(dockerfile), "--output", str(out), str(root)],
        env={**os.environ, **environment},
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr.decode()
    return {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}


@pytest.mark.parametrize("text", BY_BUILDKIT)
@pytest.mark.usefixtures("engine")
def test_buildkit_sends_what_we_would(tmp_path: Path, text: str) -> None:
    """All of it, pruning of directories included."""
    root = write(tmp_path / "root", {**dict.fromkeys(TREE, ""), ".dockerignore": text})
    dockerfile = write(tmp_path, {"Dockerfile": "FROM scratch\nCOPY . /\n"}) / "Dockerfile"

    copied = _copied(root, dockerfile, tmp_path / "out")

    assert copied - ALWAYS == buildkit_sends(Ignore.parse(text)) & set(TREE)


@pytest.mark.parametrize(
    ("dockerfile", "ignore_files"),
    [
        ("root/docker/web.Dockerfile", {"root/docker/web.Dockerfile.dockerignore": "src\n"}),
        ("root/Dockerfile", {"root/Dockerfile.dockerignore": "src\n"}),
        ("root/web", {"root/web.dockerignore": "*\n!src/app.py\n"}),
        ("outside/web", {"outside/web.dockerignore": "src\n"}),
        ("root/web", {"root/web.dockerignore": ""}),
        ("root/web", {"root/other.dockerignore": "*\n", "root/docker/web.dockerignore": "*\n"}),
        ("root/docker/web", {"root/web.dockerignore": "*\n"}),
    ],
)
@pytest.mark.usefixtures("engine")
def test_buildkit_takes_the_ignore_file_that_we_take(
    tmp_path: Path, dockerfile: str, ignore_files: dict[str, str]
) -> None:
    """The Dockerfile's own where there is one, also an empty one; else that of the root."""
    files = {"root/src/app.py": "", "root/docs/a.md": "", "root/.dockerignore": "docs\n"}
    write(tmp_path, {**files, **ignore_files, dockerfile: "FROM scratch\nCOPY . /\n"})
    root = tmp_path / "root"

    copied = _copied(root, tmp_path / dockerfile, tmp_path / "out")

    sent = read_context(root, tmp_path / dockerfile).digests
    # Our own list keeps ignore files back, Docker's has none.
    assert {path for path in copied if not path.endswith(".dockerignore")} == set(sent)
