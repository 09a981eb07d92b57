"""Tells where a flow wants another Python or Prefect than its base has. Pure.

Only what is certain: a base that is known as `3.4` has some release of 3.4, and contradicts what
no release of 3.4 can satisfy. The formats are those of
https://packaging.python.org/en/latest/specifications/version-specifiers/
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from imagebuild.names import BadImageName, ImageName
from imagebuild.settings import parse_toml
from imagebuild.stamps import PREFECT_LABEL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from packaging.markers import Marker

_PYTHON_LABEL = "io.prefect.python-version"
_PREFECT_IMAGE = "prefecthq/prefect"
_PYTHON_IN_TAG = re.compile(r"(?:^|-)python(\d+\.\d+(?:\.\d+)?)(?=-|$)")
_FULL = 3  # numbers of a release that is one and no other

# What a marker may ask that is the same in every image for Linux.
_LINUX = {"os_name": "posix", "sys_platform": "linux", "platform_system": "Linux"}
_TEXT = re.compile(r"\"[^\"]*\"|'[^']*'")
_OPERATORS = {"and", "or", "not", "in"}


def mismatches(
    requirements: str | None,
    pyproject: str | None,
    base: str,
    labels: Mapping[str, str],
    env: Mapping[str, str],
) -> tuple[str, ...]:
    """A sentence for each wish of the flow that the base's versions cannot be.

    `requirements` and `pyproject` are the texts of the flow's files; `base` is the image's name,
    `labels` and `env` are what it says of itself.
    """
    python, prefect = _has(base, labels, env)
    found = []
    wanted = _requires_python(pyproject)
    if python and wanted is not None and not _possible(wanted, python):
        found.append(
            f'requires-python = "{wanted}" in pyproject.toml excludes Python {python}, which the'
            f" base {base} has"
        )
    if prefect:
        found += [
            f"{requirement} in the requirements excludes Prefect {prefect}, which the base {base}"
            " has"
            for requirement in _prefect_lines(requirements or "")
            if _applies(requirement.marker, python)
            and not _possible(requirement.specifier, prefect)
        ]
    return tuple(dict.fromkeys(found))


def prefect_version(
    requirements: str | None, base: str, labels: Mapping[str, str], env: Mapping[str, str]
) -> str | None:
    """The release of Prefect that the image will have, where it is certain.

    That is the one which the requirements pin, else the base's own, which they let stand; the
    arguments are those of `mismatches`.
    """
    python, has = _has(base, labels, env)
    wanted = [
        requirement.specifier
        for requirement in _prefect_lines(requirements or "")
        if _applies(requirement.marker, python)
    ]
    pins = {one.version for each in wanted for one in each if one.operator in {"==", "==="}}
    if pins:
        return _certain(pins)
    if has is None or not _is_full(has):
        return None
    return str(has) if all(each.contains(has, prereleases=True) for each in wanted) else None


def _certain(pins: set[str]) -> str | None:
    """The version, where there is one and it is whole."""
    pin = pins.pop() if len(pins) == 1 else ""
    return pin if _parsed(pin) is not None else None


def _has(
    base: str, labels: Mapping[str, str], env: Mapping[str, str]
) -> tuple[Version | None, Version | None]:
    """The Python and the Prefect of a base, as far as it tells: possibly only `3` or `3.4`."""
    tag_python, tag_prefect = _from_name(base)
    python = _first(labels.get(_PYTHON_LABEL), env.get("PYTHON_VERSION"), tag_python)
    return python, _first(env.get("PREFECT_VERSION"), labels.get(PREFECT_LABEL), tag_prefect)


def _from_name(base: str) -> tuple[str | None, str | None]:
    """The Python and the Prefect that an image's tag tells, such as `3.4.1-python3.12`."""
    try:
        name = ImageName.parse(base)
    except BadImageName:
        return None, None
    tag = name.tag or ""
    python = _PYTHON_IN_TAG.search(tag)
    is_prefect = f"/{name.repository}".endswith(f"/{_PREFECT_IMAGE}")
    return python and python[1], tag.partition("-")[0] if is_prefect else None


def _first(*texts: str | None) -> Version | None:
    """The first that is a version."""
    return next((version for version in map(_parsed, texts) if version is not None), None)


def _parsed(text: str | None) -> Version | None:
    try:
        return Version(text or "")
    except InvalidVersion:
        return None


def _requires_python(pyproject: str | None) -> SpecifierSet | None:
    if "requires-python" not in (pyproject or ""):
        return None
    try:
        return SpecifierSet(parse_toml(pyproject or "")["project"]["requires-python"])
    except (ValueError, KeyError, TypeError, AttributeError, InvalidSpecifier):
        return None


def _prefect_lines(text: str) -> Iterator[Requirement]:
    """The requirements of Prefect itself in a requirements file, without pip's own options."""
    for raw in re.sub(r"\\\r?\n", " ", text).splitlines():
        line = re.sub(r"(?:^|\s)#.*$", "", raw).partition(" --")[0].strip()
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if canonicalize_name(requirement.name) == "prefect":
            yield requirement


def _applies(marker: Marker | None, python: Version | None) -> bool:
    """Whether a requirement certainly counts in the image."""
    if marker is None:
        return True
    known = dict(_LINUX)
    if python is not None and len(python.release) > 1:
        known["python_version"] = f"{python.major}.{python.minor}"
    if python is not None and _is_full(python):
        known["python_full_version"] = str(python)
    asked = set(re.findall(r"[a-z_]+", _TEXT.sub("", str(marker)))) - _OPERATORS
    try:
        return asked <= known.keys() and marker.evaluate(known)
    except ValueError:  # it compares what cannot be compared
        return False


def _possible(wanted: SpecifierSet, has: Version) -> bool:
    """Whether some release that `has` may stand for satisfies what is wanted."""
    if any(specifier.operator == "===" for specifier in wanted):
        return True
    if _is_full(has):
        return wanted.contains(has, prereleases=True)
    bounds = [Version(specifier.version.removesuffix(".*")) for specifier in wanted]
    if any(
        bound != _version(bound.release) and _is_part(_padded(bound.release), has)
        for bound in bounds
    ):
        return True  # between pre-releases there may be others
    return any(
        wanted.contains(candidate, prereleases=True) for candidate in _candidates(has, bounds)
    )


def _is_full(version: Version) -> bool:
    return len(version.release) >= _FULL or version.is_prerelease


def _candidates(has: Version, bounds: Iterable[Version]) -> Iterator[Version]:
    """One at least of each stretch that the bounds divide the releases of `has` into.

    These are where it begins, the bounds, where a `*` or a `~=` ends, and just above each.
    """
    starts = {has.release, *(bound.release for bound in bounds)}
    starts |= {end for release in list(starts) for end in _ends(release)}
    for start in starts:
        padded = _padded(start)
        if _is_part(padded, has):
            yield _version(padded)
            yield _version((*padded, 1))


def _padded(release: tuple[int, ...]) -> tuple[int, ...]:
    return (*release, *[0] * (_FULL - len(release)))


def _is_part(release: tuple[int, ...], of: Version) -> bool:
    return release[: len(of.release)] == of.release


def _ends(release: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """`3.4` ends at `3.5` and, as a part of `3`, at `4`."""
    for length in range(1, len(release) + 1):
        yield (*release[: length - 1], release[length - 1] + 1)


def _version(numbers: Iterable[int]) -> Version:
    return Version(".".join(map(str, numbers)))
