"""Code from elsewhere, without anybody who serves it: its files lie in a folder beside."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagebuild.sources.kinds import kind_of
from imagebuild.sources.local import LocalCheckout, LocalSource
from imagebuild.wiring import source_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from imagebuild.protocols import Source
    from imagebuild.record import Pulled
    from imagebuild.request import BuildRequest

FLOW = "from prefect import flow\n\n@flow\ndef far(): ...\n"


@dataclass
class Elsewhere:
    """A source that is pulled as the real one is, and checked out from `root`."""

    real: Source
    root: Path
    fetched: int = 0

    @contextmanager
    def checkout(self) -> Iterator[LocalCheckout]:
        """The folder."""
        self.fetched += 1
        yield LocalCheckout(self.root, "far", os.environ)

    def pulled(self) -> Pulled:
        """As a run really pulls it."""
        return self.real.pulled()


def source_beside(request: BuildRequest) -> Source:
    """The request's source; what is on no machine, is in the folder `far` beside the project."""
    if request.source is None:
        return LocalSource(request.root, os.environ)
    real = source_of(request, os.environ, lambda _kind, _name: None)
    if kind_of(request.source) == "folder":
        return real
    return Elsewhere(real, request.here.resolve().parent / "far")
