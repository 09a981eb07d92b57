"""Keywords of docker-py and buildx that have no place in a build of ours: why, and what instead.

All that change the image or where it goes are refused; a value that changes nothing here, as what
it asks for is so anyway, is harmless.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_ALWAYS: Final = "it is always so here"
_LEAVE: Final = "leave it out"
_DOCKERFILE: Final = "write it into the Dockerfile, or build with docker and name the image"
_OWN_CACHE: Final = "the engine keeps what it built, and an image that has not changed is not built"

# For each keyword the cause and the hint.
REFUSED: Final[Mapping[str, tuple[str, str]]] = {
    "rm": ("it is true or false", _LEAVE),
    "forcerm": ("it is true or false", _LEAVE),
    "decode": ("it is true or false", _LEAVE),
    "gzip": ("it is true or false", _LEAVE),
    "encoding": ("only files that the engine lacks are sent, as they are", _LEAVE),
    "timeout": ("it is a number of seconds", _LEAVE),
    "quiet": ("it says how much is shown", "give stream_progress_to=None"),
    "progress": ("it says how much is shown", "give stream_progress_to=None for nothing"),
    "stream_logs": ("what happens is shown as it happens", "give stream_progress_to a stream"),
    "load": (_ALWAYS, "leave it out; push=True sends the image to its registry too"),
    "ignore_cache": ("it is true or false", "no_cache=True builds every step anew"),
    "use_config_proxy": ("the proxies of docker's configuration are always used", _LEAVE),
    "fileobj": ("the project is a folder", "write the Dockerfile to a file: dockerfile='...'"),
    "custom_context": ("the project is a folder", "give it as context='...'"),
    "file": ("it is called dockerfile here", "give dockerfile='...'"),
    "tag": ("it is the second argument", "give it beside the name: tag='v1'"),
    "build_contexts": ("one folder is sent", "give a context that holds all that is needed"),
    "target": ("the last stage is built", "make the stage that you want the last one"),
    "cache_from": (_OWN_CACHE, _LEAVE),
    "cache_to": (_OWN_CACHE, _LEAVE),
    "container_limits": ("BuildKit has none", "limit the engine itself"),
    "shmsize": ("steps have the engine's own /dev/shm", _DOCKERFILE),
    "network_mode": ("steps have the engine's own network", _DOCKERFILE),
    "network": ("steps have the engine's own network", _DOCKERFILE),
    "extra_hosts": ("steps see the engine's own hosts", _DOCKERFILE),
    "add_hosts": ("steps see the engine's own hosts", _DOCKERFILE),
    "allow": ("steps get no privileges", _DOCKERFILE),
    "isolation": ("it is for Windows containers", _LEAVE),
    "squash": ("layers are kept, so that they can be reused", _LEAVE),
    "attest": ("images carry no attestations", "add them in the registry, such as with cosign"),
    "provenance": ("images carry no attestations", "add them in the registry, such as with cosign"),
    "sbom": ("images carry no attestations", "add them in the registry, such as with syft"),
    "metadata_file": ("no file is written", "read reference after the build"),
    "output": ("the image is in the engine", "get it from there with docker save"),
    "persist_dockerfile": ("no file is written", "see the Dockerfile with: imagebuild render"),
    "dockerfile_output_path": ("no file is written", "write it with: imagebuild render > FILE"),
}


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _off(value: Any) -> bool:
    return value is False


def _empty(value: Any) -> bool:
    return value in ([], {}, (), "", False)


# For each such keyword, which values ask for nothing that is not so anyway.
HARMLESS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "rm": _flag,  # BuildKit leaves no containers, and the classic builder's are removed
    "forcerm": _flag,
    "decode": _flag,
    "gzip": _flag,
    "ignore_cache": _flag,  # whether anything has changed is asked each time, of the files
    "timeout": lambda value: isinstance(value, int | float),  # a build may take as long as it does
    "quiet": _off,
    "load": _flag,
    "progress": lambda value: value in ("auto", "plain", "tty"),
    "stream_logs": _flag,
    "use_config_proxy": lambda value: value is True,
    "custom_context": _off,
    "squash": _off,
    "provenance": _off,
    "sbom": _off,
    "allow": _empty,
    "attest": _empty,
    "build_contexts": _empty,
    "add_hosts": _empty,
    "extra_hosts": _empty,
    "container_limits": _empty,
    "cache_from": _empty,
    "output": _empty,
    "persist_dockerfile": _off,
    # Without persist_dockerfile, which is refused, it says nothing.
    "dockerfile_output_path": lambda value: isinstance(value, str),
}
