"""The text of a new imagebuild.toml. Pure.

https://toml.io/en/v1.0.0
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEAD = "# Settings of imagebuild for this project; every option of its commands can be one.\n"


def text_of(settings: Mapping[str, str | bool | list[str]]) -> str:
    """The file. What JSON writes of a text, a flag or a list, TOML reads as the same."""
    lines = [
        f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in settings.items()
    ]
    return _HEAD + "".join(lines)
