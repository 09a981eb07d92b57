"""The options that say where the code is, if not in a folder here, and what they ask for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from imagebuild.cli.command import option, with_options
from imagebuild.cli.reading import check_source
from imagebuild.request import SourceRequest
from imagebuild.roots import find_root
from imagebuild.sources.kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_CONTENT = "What goes into the image"

source_options = with_options(
    option(
        "--source",
        section=_CONTENT,
        metavar="URL",
        help="Where the code is, if not in a folder here: a git repository (https://, ssh://,"
        " git@host:path, git+https://; @REF and #SUBDIRECTORY may follow) or blob storage"
        " (s3://, gs://, az:// and others of fsspec).",
    ),
    option(
        "--source-credentials",
        section=_CONTENT,
        metavar="REFERENCE",
        help="Where the source's secret is, never the secret itself: env:NAME, or a block of"
        " Prefect's, block://TYPE/NAME.  [default: what this machine is signed in with]",
    ),
    option(
        "--source-submodules/--no-source-submodules",
        section=_CONTENT,
        default=False,
        help="Take the repository's submodules too.",
    ),
    option(
        "--source-directory",
        section=_CONTENT,
        metavar="PATH",
        multiple=True,
        help="Take this directory of the repository alone; can be given again.",
    ),
    option(
        "--code",
        section=_CONTENT,
        type=click.Choice(["baked", "pulled"]),
        default="baked",
        show_default=True,
        help="Bake the code into the image; or let each run pull it from the source, and bake what"
        " it depends on.",
    ),
)


def _address(given: str) -> str:
    """The address; a folder's path in the settings is relative to the project root."""
    saved = (
        click.get_current_context().get_parameter_source("source") is ParameterSource.DEFAULT_MAP
    )
    if saved and "://" not in given and kind_of(SourceRequest(given)) == "folder":
        return str(find_root(Path.cwd()) / given)
    return given


# The same options where no source is meant.
NO_SOURCE: dict[str, Any] = {
    **dict.fromkeys(("source", "source_credentials")),
    "source_submodules": False,
    "source_directory": (),
    "code": "baked",
}


def source_request(options: Mapping[str, Any]) -> SourceRequest | None:
    """Where the code is, if not here. Raises `UsageError` for what says more of no source."""
    address = options.get("source")
    more = {
        "--source-credentials": options.get("source_credentials"),
        "--source-submodules": options.get("source_submodules"),
        "--source-directory": options.get("source_directory"),
    }
    context = "--context" if options.get("context") is not None else None
    check_source("--source", address, [name for name, value in more.items() if value], context)
    if address is None:
        return None
    return SourceRequest(
        _address(address),
        options.get("source_credentials"),
        submodules=bool(options.get("source_submodules")),
        directories=tuple(options.get("source_directory") or ()),
    )
