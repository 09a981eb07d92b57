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


_ALL: Final = [(kind, entry) for kind, entries in _NAMES.items() for entry in entries.split()]
_EXACT: Final = {entry: (kind, entry) for kind, entry in _ALL if "*" not in entry}
_GLOBS: Final = [(kind, entry) for kind, entry in _ALL if "*" in entry]
# One group for each glob, so that a name is looked at once and not once for each of them.
_GLOB: Final = re.compile("|".join(f"({translate(entry)})" for _, entry in _GLOBS))
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
    matched = _GLOB.match(name)
    if matched is None or matched.lastindex is None or name in _TEMPLATES:
        return None
    return _GLOBS[matched.lastindex - 1]
