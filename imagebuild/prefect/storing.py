"""Where `source=` says that the code is: an address, or an object of Prefect's. Asks nobody.

An object is known by its name or its block's type: nothing of Prefect's is imported for it.
https://docs.prefect.io/v3/how-to-guides/deployments/store-flow-code
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from imagebuild.cli.reading import check_source
from imagebuild.prefect.keywords import refuse
from imagebuild.request import SourceRequest

if TYPE_CHECKING:
    from imagebuild.prefect.keywords import Keywords
    from imagebuild.sources.references import Blocks

# What a block is called that Prefect does not have.
_HERE = "of-the-object"
_REMOTE = ("remote-file-system", _HERE)
_SECRET = re.compile(r"(^|_)(key|secret|token|password|passphrase|credentials?|sas|string)$")
# A user and a password in a URL.
_LOGIN = re.compile(r"://[^/?#]*@")
# What gcsfs takes for a `token` beside one: https://gcsfs.readthedocs.io/en/latest/#credentials
_NO_TOKENS = frozenset({"anon", "browser", "cache", "cloud", "google_default"})
_SAVE = "save it with .save('NAME'), and give what {}.load('NAME') gives"
_SAVE_SECRET = "save it with Secret(value=…).save('NAME'), and give Secret.load('NAME') instead"


@dataclass(frozen=True)
class Storage:
    """Where the code is, and the values of blocks that the object holds: nobody else has them.

    `never_pulled` is the cause and the hint where Prefect could not record it for runs, or would
    record a secret.
    """

    asked: SourceRequest
    blocks: Blocks = field(default_factory=dict, repr=False)
    never_pulled: tuple[str, str] | None = None


def storage_in(keywords: Keywords) -> Storage | None:
    """Where the code is, if keywords say so.

    Raises `UsageError` for an object that holds none, for what is said of no source, and for what
    an object says itself.
    """
    source = keywords.value("source")
    further = [
        keywords.word(each)
        for each in ("credentials", "submodules", "directories")
        if each in keywords
    ]
    context = keywords.word("context") if "context" in keywords else None
    check_source("source", source, further, context)
    if source is None:
        return None
    if not isinstance(source, str | os.PathLike):
        if further:
            what = f"{' and '.join(further)} with a {type(source).__name__}"
            refuse(what, "the object says that itself", "give it to the object")
        return read(source)
    asked = SourceRequest(
        keywords.text("source") or "",
        keywords.text("credentials"),
        submodules=keywords.flag("submodules") or False,
        directories=keywords.texts("directories"),
    )
    return Storage(asked)


def read(source: object) -> Storage:
    """What a storage object or a block says; raises `UsageError` for what holds no code."""
    for kind in type(source).__mro__:
        if kind.__name__ in _READERS and kind.__module__.startswith("prefect."):
            return _READERS[kind.__name__](source)
    if _is_block(source):
        return _of_block(source)
    return refuse(
        f"a source of the type {type(source).__name__}",
        "it says nothing of where code is",
        "give an address (https://…, s3://…), a GitRepository, a RemoteStorage, a LocalStorage, or"
        " a block of a storage",
    )


def _of_git(source: Any) -> Storage:
    """https://docs.prefect.io/v3/api-ref/python/prefect-runner-storage#gitrepository."""
    from imagebuild.sources.git_address import parse

    ref = getattr(source, "_commit_sha", None) or getattr(source, "_branch", None)
    address = f"git+{source._url}" + (f"@{ref}" if ref else "")
    found = parse(address)
    if (found.ref, found.subdirectory) != (ref, None):
        cause = "an @ or a # in its URL or its branch has another meaning here"
        refuse("this GitRepository", cause, "give a commit_sha, or rename what has it")
    reference, blocks, never_pulled = _login_of(source._credentials)
    asked = SourceRequest(
        address,
        reference,
        submodules=bool(getattr(source, "_include_submodules", False)),
        directories=tuple(getattr(source, "_directories", None) or ()),
    )
    return Storage(asked, blocks, never_pulled)


def _login_of(login: Any) -> tuple[str | None, Blocks, tuple[str, str] | None]:
    """The reference to a repository's credentials, what they are, and why no run can have them."""
    if _is_block(login):
        key, never_pulled = _key_of(login), None if _name_of(login) else _unsaved(login)
        return _reference(key), {key: _values(login)}, never_pulled
    given = {key: value for key, value in (login or {}).items() if value}
    secrets = [given[key] for key in ("access_token", "token", "password") if key in given]
    if not secrets:
        return None, {}, None
    key = _key_of(secrets[0]) if _is_block(secrets[0]) else ("secret", _HERE)
    values = {"value": _plain(secrets[0])}
    if "username" in given:
        values["username"] = given["username"]
    # Of a dictionary Prefect records an access token that is a saved block. Of another secret it
    # tells too late that it cannot, forgets it, or writes it down.
    if list(map(_name_of, secrets)) == [key[1]] and "access_token" in given:
        return _reference(key), {key: values}, None
    cause = "its secret is in this script alone, and a run needs it too"
    return _reference(key), {key: values}, (cause, f"{_SAVE_SECRET}, as its access_token")


def _of_remote(source: Any) -> Storage:
    """https://docs.prefect.io/v3/api-ref/python/prefect-runner-storage#remotestorage."""
    from imagebuild.sources.kinds import kind_of

    asked, settings = SourceRequest(source._url), source._settings
    if kind_of(asked) == "git":
        scheme = source._url.partition(":")[0]
        refuse(f"a RemoteStorage of {scheme}://", "it is no bucket", "give a GitRepository")
    if not settings:
        return Storage(asked)
    values = {"basepath": source._url, "settings": _plain(settings)}
    never_pulled = next(map(_unsaved, _unsaved_in(settings)), None)
    if clear := sorted(set(_in_clear(settings))):
        cause = f"for all to read, the deployment would tell {' and '.join(clear)}"
        never_pulled = cause, _SAVE_SECRET
    return Storage(SourceRequest(_reference(_REMOTE)), {_REMOTE: values}, never_pulled)


def _in_clear(settings: Any, name: str = "") -> list[str]:
    """The names of settings that hold a secret themselves."""
    if isinstance(settings, Mapping):
        return [each for key in settings for each in _in_clear(settings[key], str(key))]
    if not isinstance(settings, str):
        return [name] if hasattr(settings, "get_secret_value") else []
    is_secret = settings and _SECRET.search(name) and settings not in _NO_TOKENS
    return [name] if is_secret or _LOGIN.search(settings) else []


def _unsaved_in(settings: Any) -> list[Any]:
    """The blocks in them that Prefect has not."""
    if isinstance(settings, Mapping):
        return [each for inner in settings.values() for each in _unsaved_in(inner)]
    return [settings] if _is_block(settings) and not _name_of(settings) else []


def _of_local(source: Any) -> Storage:
    return Storage(SourceRequest(str(source.destination)))


def _of_adapter(source: Any) -> Storage:
    return read(source._block)


def _of_block(block: Any) -> Storage:
    from imagebuild.sources.storage import check_kind

    key = _key_of(block)
    check_kind(key[0])
    never_pulled = None if _name_of(block) else _unsaved(block)
    return Storage(SourceRequest(_reference(key)), {key: _values(block)}, never_pulled)


_READERS = {
    "GitRepository": _of_git,
    "RemoteStorage": _of_remote,
    "LocalStorage": _of_local,
    "BlockStorageAdapter": _of_adapter,
}


def _is_block(value: object) -> bool:
    return hasattr(value, "get_block_type_slug")


def _name_of(block: object) -> str | None:
    """What Prefect has a block under, if it does."""
    return getattr(block, "_block_document_name", None)


def _key_of(block: Any) -> tuple[str, str]:
    return str(block.get_block_type_slug()), _name_of(block) or _HERE


def _reference(key: tuple[str, str]) -> str:
    return f"block://{key[0]}/{key[1]}"


def _unsaved(block: object) -> tuple[str, str]:
    kind = type(block).__name__
    return f"the {kind} is not saved, so no run finds it", _SAVE.format(kind)


def _values(block: Any) -> Mapping[str, Any]:
    """A block's fields; of a secret, its `value`."""
    plain = _plain(block)
    return plain if isinstance(plain, Mapping) else {"value": plain}


def _plain(value: Any) -> Any:
    """The same as texts, lists and dictionaries alone, with what is hidden in it."""
    if _is_block(value) and value.get_block_type_slug() == "secret":
        return value.get()
    if hasattr(value, "get_secret_value"):
        return _plain(value.get_secret_value())
    if fields := getattr(type(value), "model_fields", None):
        return {name: _plain(getattr(value, name)) for name in fields}
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return os.fspath(value) if isinstance(value, os.PathLike) else value
