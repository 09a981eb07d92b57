"""Values that several unit tests start from, each with the changes that a test is about."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from imagebuild.names import ImageName
from imagebuild.plan import Base, Code, Dependencies, Environment, Plan, Template
from imagebuild.request import BuildRequest

DIGEST = "sha256:" + "d" * 64
OTHER_DIGEST = "sha256:" + "e" * 64
IMAGE_ID = "sha256:" + "1" * 64
BASE = "prefecthq/prefect:3-latest"

# Values that a variable of an image must have exactly as they are.
VALUES = (
    "",
    " ",
    " a  b\t",
    "it's",
    'a "b" c',
    '"',
    "'",
    "$HOME ${HOME} $(id) `id` $$",
    "\\",
    "C:\\",
    "\\\\",
    "a\\nb \\$ \\\" \\'",
    "# a comment",
    "a=b,c;d&e|f<g>h",
    "x <<EOF",
    "ключ 🚀 é\x85\u2028\u00a0",
    "{{ 1 }} {% raw %}",
    "\x1b[1m \x07",
    "x" * 4000,
)


def name(text: str) -> ImageName:
    """The name that a text is."""
    return ImageName.parse(text)


def base(text: str = BASE, **changed: Any) -> Base:
    """A base that a registry knows."""
    return dataclasses.replace(Base(name(text), digest=DIGEST), **changed)


def environment(**changed: Any) -> Environment:
    """The default template on that base, with one requirements file."""
    made = Environment(
        base=base(),
        dependencies=Dependencies(("requirements.txt",), ("requirements.txt",)),
        sources="a" * 64,
        recipe=Template("default", "b" * 64),
        platform="linux/amd64",
    )
    return dataclasses.replace(made, **changed)


def plan(**changed: Any) -> Plan:
    """A plan of `app:v1`."""
    made = Plan(
        environment(),
        Code("c" * 64, "/opt/prefect/app"),
        "flow.py:hello",
        (name("reg.example/app:v1"),),
    )
    return dataclasses.replace(made, **changed)


def request(root: Path = Path("/src/app"), **changed: Any) -> BuildRequest:
    """A request made in the project root, with every default."""
    return dataclasses.replace(BuildRequest(root=root, here=root), **changed)


def write(root: Path, files: dict[str, str]) -> Path:
    """Write files into a folder, each with the folders above it; the folder."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(text.encode(errors="surrogateescape"))
    return root
