"""Where Prefect's API is and how to speak to it, as Prefect's own settings have it.

Importing Prefect takes seconds, so the two usual sources are read here: the environment, then the
active profile. Whatever is less usual (a `.env`, `prefect.toml` or `[tool.prefect]` in the current
folder, a value that needs converting) is left to Prefect itself, in a process of its own.
The order of the sources:
https://github.com/PrefectHQ/prefect/blob/main/src/prefect/settings/sources.py
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagebuild.recorders import prefect_process

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# For each setting its names, the first of which wins over the others. They are spelled in capitals
# in profiles, and read in any case from the environment.
NAMES: Mapping[str, tuple[str, ...]] = {
    "api_url": ("PREFECT_API_URL",),
    "api_key": ("PREFECT_API_KEY",),
    "auth_string": ("PREFECT_API_AUTH_STRING",),
    "headers": ("PREFECT_CLIENT_CUSTOM_HEADERS",),
    "ssl_cert_file": ("PREFECT_API_SSL_CERT_FILE",),
    "insecure": ("PREFECT_API_TLS_INSECURE_SKIP_VERIFY",),
    "ephemeral": ("PREFECT_SERVER_EPHEMERAL_ENABLED", "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE"),
    "default_pool": (
        "PREFECT_DEPLOYMENTS_DEFAULT_WORK_POOL_NAME",
        "PREFECT_DEFAULT_WORK_POOL_NAME",
    ),
    "namespace": (
        "PREFECT_DEPLOYMENTS_DEFAULT_DOCKER_BUILD_NAMESPACE",
        "PREFECT_DEFAULT_DOCKER_BUILD_NAMESPACE",
    ),
}
_FLAGS = {"insecure", "ephemeral"}
_TRUE = {"1", "on", "t", "true", "y", "yes"}
_FALSE = {"0", "off", "f", "false", "n", "no"}

# Whole groups of settings, each as one JSON value.
_GROUPS = {
    "PREFECT_API",
    "PREFECT_CLIENT",
    "PREFECT_DEPLOYMENTS",
    "PREFECT_SERVER",
    "PREFECT_SERVER_EPHEMERAL",
}
_TEST_MODES = {
    "PREFECT_TEST_MODE",
    "PREFECT_UNIT_TEST_MODE",
    "PREFECT_TESTING_UNIT_TEST_MODE",
    "PREFECT_TESTING_TEST_MODE",
}
# https://github.com/PrefectHQ/prefect/blob/main/src/prefect/settings/profiles.toml
_DEFAULT_PROFILE = {"PREFECT_SERVER_EPHEMERAL_ENABLED": "true"}


@dataclass(frozen=True)
class PrefectSettings:
    """What a client of Prefect's API needs, None or empty where nobody said it.

    `ephemeral` is whether Prefect may start a server of its own where `api_url` is None.
    """

    # The URL may hold a password; `origin` in `prefect_http` is what is fit to be shown.
    api_url: str | None = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)
    auth_string: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    ssl_cert_file: str | None = None
    insecure: bool = False
    ephemeral: bool = False
    default_pool: str | None = None
    namespace: str | None = None


class _Unusual(Exception):
    """Only Prefect itself can tell what this means."""


def read(
    env: Mapping[str, str], cwd: Path, ask: Callable[..., Any] = prefect_process.run
) -> PrefectSettings:
    """Prefect's settings for a program with this environment in this folder.

    `ask` is how Prefect itself is asked, where it has to be. Raises `UsageError` where Prefect
    cannot read them. Without Prefect, what only Prefect could tell is as if it were not there.
    """
    installed = importlib.util.find_spec("prefect") is not None
    try:
        if installed:
            _check_usual(env, cwd)
        profile = _profile(env, cwd)
        return _from(lambda name: _looked_up(name, env, profile), env)
    except _Unusual:
        if installed:
            return PrefectSettings(**ask("settings", {}, env, cwd))
        return _from(lambda name: _looked_up(name, env, {}, strict=False), env, strict=False)


def _check_usual(env: Mapping[str, str], cwd: Path) -> None:
    """Raise `_Unusual` where a source may speak that is not read here."""
    known = {name for names in NAMES.values() for name in names}
    for key in env:
        upper = key.upper()
        if upper in _GROUPS or (upper in known and key != upper):
            raise _Unusual
    if any(env.get(name) for name in _TEST_MODES) or (cwd / "prefect.toml").exists():
        raise _Unusual
    if "prefect_" in _text(cwd / ".env").lower():
        raise _Unusual
    project = _text(cwd / "pyproject.toml")
    if "prefect" in project and "prefect" in _toml(project).get("tool", {}):
        raise _Unusual


def _profile(env: Mapping[str, str], cwd: Path) -> Mapping[str, Any]:
    """The active profile, as `ProfileSettingsTomlLoader` finds it."""
    if named := env.get("PREFECT_PROFILES_PATH"):
        path = cwd / named
    elif home := env.get("PREFECT_HOME"):
        path = cwd / home / "profiles.toml"
    else:
        path = Path(env.get("HOME") or Path.home()) / ".prefect" / "profiles.toml"
    if not path.exists():
        return _DEFAULT_PROFILE
    data = _toml(_text(path))
    profiles = data.get("profiles", {})
    active = env.get("PREFECT_PROFILE") or data.get("active")
    profile = profiles.get(active, _DEFAULT_PROFILE) if isinstance(profiles, dict) else None
    if not isinstance(profile, dict):
        raise _Unusual
    return profile


def _looked_up(
    name: str, env: Mapping[str, str], profile: Mapping[str, Any], *, strict: bool = True
) -> Any:
    for source in (env, profile):
        for alias in NAMES[name]:
            if (value := source.get(alias)) is not None:
                fit = isinstance(value, str) or (name in _FLAGS and isinstance(value, bool))
                if strict and not (fit or (name == "headers" and isinstance(value, dict))):
                    raise _Unusual
                return value
    return None


def _from(
    look: Callable[[str], Any], env: Mapping[str, str], *, strict: bool = True
) -> PrefectSettings:
    return PrefectSettings(
        api_url=look("api_url") or None,
        api_key=look("api_key") or None,
        auth_string=look("auth_string") or None,
        headers=_headers(look("headers"), strict=strict),
        # Prefect's default for it: prefect/settings/models/api.py
        ssl_cert_file=_first(look("ssl_cert_file"), env.get("SSL_CERT_FILE")) or None,
        insecure=_flag(look("insecure"), strict=strict),
        ephemeral=_flag(look("ephemeral"), strict=strict),
        default_pool=look("default_pool") or None,
        namespace=look("namespace") or None,
    )


def _first(*values: str | None) -> str | None:
    """The first that was said: an empty text says that there is to be none."""
    return next((value for value in values if value is not None), None)


def _flag(value: object, *, strict: bool) -> bool:
    if value is None or isinstance(value, bool):
        return bool(value)
    word = str(value).lower()
    if strict and word not in _TRUE | _FALSE:
        raise _Unusual
    return word in _TRUE


def _headers(value: object, *, strict: bool) -> dict[str, str]:
    if value is None:
        return {}
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        found = None
    if isinstance(found, dict) and all(isinstance(item, str) for item in found.values()):
        return found
    if strict:
        raise _Unusual
    return {}


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise _Unusual from error


def _toml(text: str) -> dict[str, Any]:
    name = "tomllib" if sys.version_info >= (3, 11) else "tomli"
    try:
        module = importlib.import_module(name)
        data: dict[str, Any] = module.loads(text)
    except (ImportError, ValueError) as error:
        raise _Unusual from error
    return data
