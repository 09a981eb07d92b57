"""What the user asked for, before anything was looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from imagebuild.names import ImageName, LayoutName

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from imagebuild.record import Schedule

DEFAULT_BASE = "prefecthq/prefect:3-latest"
ENV_PREFIX = "env-"
# What a base is called in a plan that lies in a layout: no name that can be typed.
IN_LAYOUT = ImageName("oci", "layout")


@dataclass(frozen=True)
class Secret:
    """A secret that a step of the build may mount: a `file`'s content, or a `variable`'s.

    Exactly one of the two is given; the value is read when a step asks for it, and kept nowhere.
    """

    id: str
    file: Path | None = None
    variable: str | None = None


@dataclass(frozen=True)
class SourceRequest:
    """Where the code is, if not in a folder of this machine, as it was asked for.

    `address` is a URL of git or of a storage, or `block://TYPE/NAME`. `credentials` is a reference:
    `env:NAME` or `block://TYPE/NAME`. `submodules` and `directories` (the only ones wanted,
    relative to the repository) are of git alone.
    """

    address: str
    credentials: str | None = None
    submodules: bool = False
    directories: tuple[str, ...] = ()


@dataclass(frozen=True)
class BuildRequest:
    """One image of one project, as it was asked for; None where the user left it to us.

    `root` is the project root on this machine; `entrypoint`, `requirements`, `dockerfile` and a
    `template` that is a file are paths as the user typed them, relative to `here` (the folder the
    user stands in) or to `root`. `image` is None for a name made from the project's own; `tags` are
    further ones in its repository, which stand for the name's own where it has none, unless
    `own_tag` asks for one that is made of the content. `directory` is where the code lies in the
    image: a path, or a name below Prefect's own folder. With a `dockerfile`, nothing is rendered.
    `platform` is `os/architecture[/variant]`; `ssh` maps an id to an agent's socket, or to the
    files of private keys. `pull` is None to take a newer base if the registry answers; `epoch` is
    SOURCE_DATE_EPOCH, the time that the image is said to be of, in seconds since 1970.
    https://reproducible-builds.org/specs/source-date-epoch/
    `reports` are the files that tell of this build afterwards, and are no part of the project.
    `env_prefix` begins the tag that an environment has in the image's repository, before its key;
    None keeps it there under no tag of its own. `insecure` are registries without TLS.
    `source` is where the code comes from, if not from `root`; with `pulled` the image has none of
    it, and each run fetches it from there, with the `libraries` that this takes (requirements).
    Without `build` there is no image to make: `image` is there already, or the deployment's own is.
    `layout` is where the base lies if that is in no registry, and `base` is IN_LAYOUT then;
    `output` is the layout that the image is written to, instead of an engine or a registry.
    """

    root: Path
    here: Path
    entrypoint: str | None = None
    image: ImageName | None = None
    tags: tuple[str, ...] = ()
    own_tag: bool = False
    push: bool = True
    pin: bool = True
    base: ImageName = field(default_factory=lambda: ImageName.parse(DEFAULT_BASE))
    directory: str | None = None
    requirements: str | None = None
    packages: tuple[str, ...] = ()
    template: str = "default"
    dockerfile: str | None = None
    platform: str | None = None
    build_args: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[Secret, ...] = ()
    ssh: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    pull: bool | None = None
    cache: bool = True
    epoch: str | None = None
    reports: tuple[Path, ...] = ()
    env_prefix: str | None = ENV_PREFIX
    insecure: tuple[str, ...] = ()
    source: SourceRequest | None = None
    pulled: bool = False
    build: bool = True
    libraries: tuple[str, ...] = ()
    layout: LayoutName | None = None
    output: LayoutName | None = None

    def typed_in(self, root: Path) -> Path:
        """What typed paths of the project are relative to: of one from elsewhere, its `root`."""
        return self.here if self.source is None else root


@dataclass(frozen=True)
class DeploymentRequest:
    """One deployment, as it was asked for; what is None or empty is left as it is.

    `name` is the deployment's own, without its flow's; `queue` one of the work pool's.
    `parameters` are values for the flow's; `tags` the deployment's, not the image's.

    `stated` and `triggers` are what a file says of it, as `Record` has them; the other fields
    come on top of it.
    """

    name: str | None = None
    pool: str | None = None
    queue: str | None = None
    job_variables: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    description: str | None = None
    tags: tuple[str, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    version: str | None = None
    concurrency_limit: int | None = None
    stated: Mapping[str, Any] = field(default_factory=dict)
    triggers: tuple[Mapping[str, Any], ...] | None = None
