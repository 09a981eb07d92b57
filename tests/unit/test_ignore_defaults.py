"""The built-in list: what never leaves the machine, and how a `!` line brings it back."""

from __future__ import annotations

import pytest

from imagebuild.ignore import Ignore
from imagebuild.ignore_defaults import VIRTUALENV, Rule

LEFT_OUT = [
    (".git", "vcs"),
    (".git/HEAD", "vcs"),
    ("vendor/lib/.git", "vcs"),
    (".hg/store", "vcs"),
    ("sub/.svn/entries", "vcs"),
    (".venv/bin/python", "environment"),
    ("src/__pycache__/a.cpython-311.pyc", "cache"),
    (".mypy_cache/3.11/a.json", "cache"),
    (".pytest_cache", "cache"),
    (".ruff_cache", "cache"),
    ("notebooks/.ipynb_checkpoints/a.ipynb", "cache"),
    (".tox/py311", "cache"),
    (".nox", "cache"),
    ("a/.DS_Store", "cache"),
    (".dockerignore", "ignore-file"),
    ("docker/Dockerfile.dockerignore", "ignore-file"),
    (".prefectignore", "ignore-file"),
    (".env", "secret"),
    ("src/.env", "secret"),
    (".env.production", "secret"),
    (".ENV", "secret"),
    (".envrc", "secret"),
    ("keys/id_rsa", "secret"),
    ("id_ed25519", "secret"),
    ("tls/server.key", "secret"),
    ("tls/Server.KEY", "secret"),
    ("tls/server-key.pem", "secret"),
    ("tls/privkey1.pem", "secret"),
    ("tls/client.p12", "secret"),
    ("tls/client.pfx", "secret"),
    (".netrc", "secret"),
    (".pypirc", "secret"),
    (".npmrc", "secret"),
    (".pgpass", "secret"),
    (".git-credentials", "secret"),
    (".aws/credentials", "secret"),
    (".ssh/config", "secret"),
    (".gnupg/pubring.kbx", "secret"),
    (".docker/config.json", "secret"),
    ("home/.docker/config.json", "secret"),
    (".prefect/profiles.toml", "secret"),
    (".config/gcloud/access_tokens.db", "secret"),
]

SENT = [
    "src/app.py",
    ".env.example",
    "src/.env.sample",
    ".env.template",
    "env/settings.py",
    "venv/__init__.py",
    "environment.py",
    "id_rsa.pub",
    "certs/cacert.pem",
    "certs/cert.pem",
    "config.json",
    "docker/config.json",
    "profiles.toml",
    ".prefect/other.toml",
    "keyboard.py",
    "module.pyc",
    "app.egg-info/PKG-INFO",
    ".gitignore",
    ".github/workflows/ci.yml",
]


@pytest.mark.parametrize(("path", "kind"), LEFT_OUT)
def test_list_holds_at_any_depth(path: str, kind: str) -> None:
    """Version control, environments, caches and secrets are left out wherever they lie."""
    for below in ("", "deep/er/"):
        rule = Ignore.parse("").why(below + path, is_dir=False)
        assert rule is not None
        assert (rule.source, rule.line, rule.kind) == ("built-in", None, kind)


@pytest.mark.parametrize("path", SENT)
def test_list_stays_short(path: str) -> None:
    """Examples, public keys, certificates and what merely looks alike are sent."""
    assert Ignore.parse("").why(path, is_dir=False) is None


@pytest.mark.parametrize("line", ["!.env", "!/.env", "!**/.env", "! ./.env/", "!\\.env", "/!.env"])
def test_naming_line_brings_back(line: str) -> None:
    """A `!` line whose last part is the entry's name brings the entry back."""
    assert Ignore.parse(line).why(".env", is_dir=False) is None


@pytest.mark.parametrize("line", ["!*", "!.*", "!.env*", "!**", "!**.env", "!.en?", "!.[e]nv"])
def test_wildcard_does_not_bring_back(line: str) -> None:
    """A line that would send other files too does not send a secret."""
    rule = Ignore.parse(f"*\n{line}").why(".env", is_dir=False)

    assert rule == Rule(".env", "built-in", kind="secret")


@pytest.mark.parametrize("name", [".env", "id_rsa", "tls.key", ".aws/credentials"])
@pytest.mark.parametrize("lines", ["*\n!src", "*\n!src/*", "!src/**", "*\n!.env"])
def test_directory_does_not_bring_its_secrets(lines: str, name: str) -> None:
    """`*` and `!src` send the code in src, and none of the secrets beside it."""
    ignore = Ignore.parse(lines)
    rule = ignore.why(f"src/{name}", is_dir=False)

    assert rule is not None
    assert rule.kind == "secret"
    assert lines == "*\n!.env" or ignore.why("src/app.py", is_dir=False) is None


def test_line_brings_back_only_what_it_matches() -> None:
    """`!src/.env` is about that file and no other of the name."""
    ignore = Ignore.parse("*\n!src\n!src/.env")

    assert ignore.why("src/.env", is_dir=False) is None
    assert ignore.why(".env", is_dir=False) is not None
    assert ignore.why("src/a/.env", is_dir=False) is not None
    assert (ignore.names("src/.env"), ignore.names(".env")) == (True, False)


def test_entry_of_two_parts_is_named_by_both() -> None:
    """`!**/config.json` is about any config.json; docker's credentials must be named as such."""
    path = ".docker/config.json"

    assert Ignore.parse("!**/config.json").why(path, is_dir=False) is not None
    assert Ignore.parse("!**/.docker/config.json").why(path, is_dir=False) is None
    assert Ignore.parse("!.docker").why(path, is_dir=False) is not None


def test_later_line_overrules_the_return() -> None:
    """What a `!` line brought back, a later line leaves out: as the user's rule, not as ours."""
    rule = Ignore.parse("!.env\n.env").why(".env", is_dir=False)

    assert rule == Rule(".env", ".dockerignore", line=2)


def test_content_of_a_returned_directory_follows_the_lines() -> None:
    """`!.git` brings all of .git back; further lines thin it out, and secrets stay out."""
    ignore = Ignore.parse("!.git\n.git/*\n!.git/HEAD\n!.venv")

    assert ignore.why(".git/HEAD", is_dir=False) is None
    assert ignore.why(".git/config", is_dir=False) == Rule(".git/*", ".dockerignore", line=2)
    assert ignore.why(".venv/bin/python", is_dir=False) is None
    secret = ignore.why(".venv/id_rsa", is_dir=False)
    assert secret is not None
    assert secret.kind == "secret"


def test_secret_is_told_from_what_a_line_leaves_out() -> None:
    """A secret in the way of `*` is still known as a secret, so that it can be reported."""
    rule = Ignore.parse("*").why("server.key", is_dir=False)

    assert rule == Rule("*.key", "built-in", kind="secret")


def test_listed_directory_is_not_entered() -> None:
    """Nothing in a directory of the list can come back but by naming the directory."""
    ignore = Ignore.parse("*\n!**/*\n!.git/HEAD")

    assert not ignore.may_hold_kept(".git")
    assert not ignore.may_hold_kept("deep/.venv")
    assert Ignore.parse("!.git").may_hold_kept(".git")


def test_virtual_environment_is_told_by_its_content() -> None:
    """A directory of any name is left out if it holds pyvenv.cfg, and comes back by its name."""
    asked: list[str] = []

    def is_virtualenv(path: str) -> bool:
        asked.append(path)
        return path == "tools/py3"

    ignore = Ignore.parse("*\n!**/*.py", is_virtualenv=is_virtualenv)

    rule = Rule(VIRTUALENV, "built-in", kind="environment")
    assert ignore.why("tools/py3", is_dir=True) == rule
    assert ignore.why("tools/py3/lib/a.py", is_dir=False) == rule
    assert not ignore.may_hold_kept("tools/py3")
    assert ignore.why("tools/a.py", is_dir=False) is None
    assert sorted(asked) == ["tools", "tools/py3"]
    back = Ignore.parse("!tools/py3", is_virtualenv=is_virtualenv)
    assert back.why("tools/py3", is_dir=True) is None
