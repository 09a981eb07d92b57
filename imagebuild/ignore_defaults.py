"""The short list of what is never sent, whatever the ignore file does not say.

Only what no image needs and what must not leave the machine is on it. Not on it, and why:
`*.pyc` beside its source is a sourceless module that somebody made on purpose (Python's own go to
`__pycache__`); `*.egg-info` is what `importlib.metadata` reads; `*.pem` is as often a bundle of
certificates, which a flow needs, as a key; a folder named `venv` or `env` may be a package, so a
virtual environment is told by its `pyvenv.cfg` (https://peps.python.org/pep-0405/).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import translate
from typing import Final, Literal

Kind = Literal["vcs", "environment", "cache", "ignore-file", "secret"]


@dataclass(frozen=True)
class Rule:
    """Why a path is left out: a line of `source`, or an entry of the "built-in" list.

    `line` and `kind` exclude each other: lines have no kind, built-in entries no line.
    """

    pattern: str
    source: str
    line: int | None = None
    kind: Kind | None = None

    def __str__(self) -> str:
        place = f"{self.source}, line {self.line}" if self.line else f"the {self.source} list"
        return f"{place} ({self.pattern})"


VIRTUALENV: Final = "a directory that holds pyvenv.cfg"

_NAMES: Final[dict[Kind, str]] = {
    "vcs": ".git .hg .svn",
    "environment": ".venv",
    "cache": "__pycache__ .mypy_cache .pytest_cache .ruff_cache .hypothesis .ipynb_checkpoints"
    " .tox .nox .DS_Store",
    # What is sent follows from them; they are no part of it, nor of what its key is made of.
    "ignore-file": ".dockerignore *.dockerignore .prefectignore",
    "secret": ".env .env.* .envrc"
    " id_rsa id_dsa id_ecdsa id_ecdsa_sk id_ed25519 id_ed25519_sk"
    " *.key key.pem *-key.pem *_key.pem privkey*.pem *.ppk *.p12 *.pfx"
    " .netrc _netrc .pypirc .npmrc .pgpass .my.cnf .git-credentials .dockercfg .vault-token"
    " .boto .s3cfg .databrickscfg application_default_credentials.json"
    " .ssh .gnupg .aws .azure .kube .docker/config.json .prefect/profiles.toml .config/gcloud",
}
_TEMPLATES: Final = frozenset({".env.example", ".env.sample", ".env.template"})


def _tables() -> tuple[dict[str, tuple[Kind, str]], list[tuple[re.Pattern[str], Kind, str]]]:
    exact: dict[str, tuple[Kind, str]] = {}
    globs: list[tuple[re.Pattern[str], Kind, str]] = []
    for kind, entries in _NAMES.items():
        for entry in entries.split():
            if "*" in entry:
                globs.append((re.compile(translate(entry)), kind, entry))
            else:
                exact[entry] = (kind, entry)
    return exact, globs


_EXACT, _GLOBS = _tables()
_WITH_FOLDER: Final = frozenset(entry.rpartition("/")[2] for entry in _EXACT if "/" in entry)


def built_in(path: str) -> tuple[Kind, str] | None:
    """The kind and the entry of the list that this path's last part, or last two, is on.

    Upper case counts as lower: `Server.KEY` is a key too.
    """
    folder, _, name = path.lower().rpartition("/")
    if name in _WITH_FOLDER:
        name = f"{folder.rpartition('/')[2]}/{name}"
    if found := _EXACT.get(name) or _EXACT.get(path.rpartition("/")[2]):
        return found
    if name in _TEMPLATES:
        return None
    return next(((kind, entry) for glob, kind, entry in _GLOBS if glob.match(name)), None)
