"""A base in an OCI layout on this machine, beside all that registries hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagebuild.errors import UsageError
from imagebuild.oci.layouts import BadLayout, Layout
from imagebuild.platforms import normalised, of_this_machine
from imagebuild.request import IN_LAYOUT

if TYPE_CHECKING:
    from imagebuild.names import ImageName
    from imagebuild.protocols import Registry
    from imagebuild.request import BuildRequest


@dataclass(frozen=True)
class LayoutRegistry:
    """What the request calls its base is looked for in a layout, all else in the other."""

    other: Registry
    request: BuildRequest

    def find(self, name: ImageName) -> str | None:
        """The manifest's digest; raises `UsageError` for the base, and what the other raises."""
        named = self.request.layout
        if name != IN_LAYOUT or named is None:
            return self.other.find(name)
        asked = self.request.platform
        platform = normalised(asked) if asked else of_this_machine()
        try:
            layout = Layout.read(self.request.here / named.path, archive=named.archive)
            return layout.image(named.ref, platform).digest
        except BadLayout as error:
            message = f"cannot use the base {named}"
            raise UsageError(message, causes=error.causes, hint=error.hint) from error

    def check_push(self, name: ImageName) -> bool:
        """As the other does."""
        return self.other.check_push(name)
