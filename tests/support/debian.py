"""Packages of a newer Debian than this machine's: unpacked in a cache, never installed."""

from __future__ import annotations

import os
import platform
import re
import shutil
import tempfile
from pathlib import Path

from tests.support import SetupError
from tests.support.processes import run

SUITE = "trixie"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "imagebuild-tests"
APT = Path("/etc/apt")

# What the machine does after its own updates (hooks) has no place after ours.
CONFIGURATION = """\
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
APT::Sandbox::User "root";
Dir::State::lists "{folder}/lists";
Dir::Cache "{folder}/cache";
Dir::Etc::sourcelist "{folder}/{sources}";
Dir::Etc::sourceparts "-";
"""


def is_debian() -> bool:
    """Tell whether Debian's packages can be had here."""
    try:
        system = platform.freedesktop_os_release().get("ID")
    except OSError:
        return False
    return system == "debian" and shutil.which("apt-get") is not None


def unpacked(package: str) -> Path:
    """Give the folder that holds a package's files, as they would lie under /.

    It is fetched once, from where this machine's apt gets its own packages.
    """
    if not is_debian():
        message = f"Debian's package {package} cannot be had on this machine"
        raise SetupError(message)
    folder = CACHE / SUITE / package
    if folder.exists():
        return folder
    print(f"set-up: fetching {package} of Debian {SUITE}", flush=True)
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        part = Path(name)
        apt = ("apt-get", "--quiet", "--config-file", str(_configuration(part)))
        run(*apt, "update")
        run("env", f"--chdir={part}", *apt, "download", package)
        [archive] = part.glob("*.deb")
        run("dpkg", "-x", str(archive), str(part / "root"))
        folder.parent.mkdir(exist_ok=True)
        if not folder.exists():  # another run may have been as fast
            (part / "root").rename(folder)
    return folder


def buildx_plugin() -> Path | None:
    """Give a folder for DOCKER_CONFIG in which docker finds buildx; None where it cannot be had."""
    if not is_debian():
        return None
    config = CACHE / "docker-with-buildx"
    plugin = config / "cli-plugins" / "docker-buildx"
    program = unpacked("docker-buildx") / "usr/libexec/docker/cli-plugins/docker-buildx"
    plugin.parent.mkdir(parents=True, exist_ok=True)
    if not plugin.exists():
        plugin.unlink(missing_ok=True)
        plugin.symlink_to(program)
    return config


def _configuration(folder: Path) -> Path:
    """Write a configuration by which apt keeps all that is its own in the folder."""
    codename = platform.freedesktop_os_release()["VERSION_CODENAME"]
    for file in [APT / "sources.list", *sorted((APT / "sources.list.d").glob("*"))]:
        derive = {".list": from_list, ".sources": from_deb822}.get(file.suffix)
        if derive and file.exists() and (found := derive(file.read_text(), codename, SUITE)):
            sources = f"debian{file.suffix}"
            break
    else:
        message = f"apt has no source for {codename} main, from which to get {SUITE}'s packages"
        raise SetupError(message)
    for needed in ("lists/partial", "cache/archives/partial"):
        (folder / needed).mkdir(parents=True)
    (folder / sources).write_text(found)
    configuration = folder / "apt.conf"
    configuration.write_text(CONFIGURATION.format(folder=folder, sources=sources))
    return configuration


def from_list(text: str, codename: str, suite: str) -> str | None:
    """Give the first line for a release's `main`, for another release (sources.list(5))."""
    entry = re.compile(rf"deb\s+((?:\[[^\]]*\]\s+)?\S+)\s+{re.escape(codename)}\s(?:.*\s)?main\b")
    for line in text.splitlines():
        if found := entry.match(line.strip()):
            return f"deb {found[1]} {suite} main\n"
    return None


def from_deb822(text: str, codename: str, suite: str) -> str | None:
    """Give the first stanza for a release's `main`, for another release (sources.list(5))."""
    wanted = {"Types": ("deb", "deb"), "Suites": (codename, suite), "Components": ("main", "main")}
    text = re.sub(r"(?m)^#.*\n", "", text)
    for stanza in re.split(r"\n\s*\n", text):
        derived = stanza.strip()
        if re.search(r"(?im)^Enabled:\s*no\b", derived):
            continue
        for field, (value, replacement) in wanted.items():
            line = rf"(?im)^{field}:(?:.*[ \t])?{re.escape(value)}(?:[ \t].*)?$"
            derived, found = re.subn(line, f"{field}: {replacement}", derived)
            if not found:
                break
        else:
            return f"{derived}\n"
    return None
