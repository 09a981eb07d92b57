"""The work pools of a Prefect server: all of them, and the image that one runs by default."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from imagebuild.errors import ImagebuildError
from imagebuild.record import Target
from imagebuild.recorders import default_images, pools
from imagebuild.recorders.prefect_api import good, parsed
from imagebuild.recorders.prefect_http import WRITING
from imagebuild.recorders.prefect_models import TemplateAnswer
from imagebuild.state import Pool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagebuild.names import ImageName
    from imagebuild.recorders.prefect_api import PrefectApi
    from imagebuild.state import DefaultImage

_ROUNDS = 3


class PrefectPools:
    """The work pools that an API tells of. Each call raises as one of `PrefectApi` does."""

    def __init__(self, api: PrefectApi) -> None:
        self._api = api

    def every(self) -> Sequence[Pool]:
        """All of them."""
        return self._api.pools()

    def set_image(self, name: str, image: ImageName | None, *, pushed: bool) -> DefaultImage:
        """Make an image the pool's default, or with None take the default away.

        The template is read, changed where it differs, and read again until it says so: a PATCH
        replaces the whole of it, and no write names what it builds on. Raises `UsageError` for a
        pool that is not there or takes no image.
        """
        target = Target("", "", name)
        pools.choose(target, None, None, find=self._api.pool, every=self._api.pools)
        first: DefaultImage | None = None
        for _ in range(_ROUNDS):
            template, pool = self._template(name)
            made = default_images.change(pool, image, pushed=pushed)
            first = first or made
            if not made.changed:
                return first
            self._write(name, template, default_images.applied(pool.variables, made))
        _, pool = self._template(name)
        if not default_images.change(pool, image, pushed=pushed).changed:
            return first or made
        message = f"cannot make {image} the default of the work pool {name!r}"
        raise ImagebuildError(
            message,
            causes=("its template was changed by somebody else each time",),
            hint="see who does, and try again",
        )

    def _template(self, name: str) -> tuple[dict[str, Any], Pool]:
        """The template as it is, to the last key, and what it says."""
        what = f"read the work pool {name!r}"
        answer = good(self._api.send("GET", _path(name), None), what)
        found = parsed(answer, TemplateAnswer, what)
        template = found.base_job_template
        return template, Pool(found.name, found.type, template["variables"]["properties"])

    def _write(self, name: str, template: dict[str, Any], properties: dict[str, Any]) -> None:
        variables = {**template["variables"], "properties": properties}
        changed = {"base_job_template": {**template, "variables": variables}}
        answer = self._api.send("PATCH", _path(name), changed, WRITING)
        good(answer, f"change the work pool {name!r}")


def _path(name: str) -> str:
    return f"/work_pools/{quote(name, safe='')}"
