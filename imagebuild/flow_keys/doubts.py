"""What a flow's key cannot cover: code that makes code, and what is read from elsewhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Whoever uses one of these may run or change anything.
_DYNAMIC: Final = _words(
    "exec eval compile() __import__ importlib import_module runpy pkgutil imp zipimport"
    " globals locals vars getattr setattr delattr attrgetter methodcaller __dict__ __builtins__"
    " __subclasses__ sys.path sys.modules sys.meta_path sys.path_hooks addsitedir"
    " inspect getsource getsourcelines ctypes gc currentframe _getframe"
)
# What these give may be another thing at another time or place.
_READING: Final = _words(
    "environ environb getenv dotenv BaseSettings sys.argv stdin input"
    " glob iglob rglob iterdir listdir scandir walk exists is_file is_dir stat"
    " subprocess popen Popen check_output system socket requests httpx urllib get_client"
    " dynaconf decouple environs hydra omegaconf pydantic_settings prettyconf confuse everett"
    " Variable time.time monotonic perf_counter"
    " now today utcnow fromtimestamp random randint choice shuffle uuid1 uuid4 urandom token_hex"
    " getcwd cwd home expanduser gethostname getuser"
)
_READS: Final = re.compile(r"(?:^|_)(?:read|load|open|urlopen|connect|fetch|from_env|from_file)")


class Doubt(Exception):
    """Reading alone cannot tell what the flow takes, because of the reason given."""


def check_dynamic(names: Iterable[str]) -> None:
    """Raise `Doubt` for a name by which code may do anything."""
    for name in sorted(names):
        if not _DYNAMIC.isdisjoint({name, _head(name)}):
            message = f"{name} may run or change anything"
            raise Doubt(message)


def check_reading(names: Iterable[str], texts: Iterable[str], entries: Iterable[str]) -> None:
    """Raise `Doubt` for a name by which something is read, and for a text that names an entry.

    `entries` are the names of all files and folders of the project.
    """
    for name in sorted(names):
        if not _READING.isdisjoint({name, _head(name)}) or _READS.search(name):
            message = f"{name} may read something that changes"
            raise Doubt(message)
    known = frozenset(entries)
    for text in sorted(texts):
        if text.rstrip("/").rpartition("/")[2] in known:
            message = f"{text!r} may be read when the module is imported"
            raise Doubt(message)


def _head(name: str) -> str:
    return name.partition(".")[0]
