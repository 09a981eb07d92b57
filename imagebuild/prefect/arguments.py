"""Reads what Prefect, docker-py and buildx take as keywords of a build, and our own. Pure.

Each keyword is taken or refused by its name; none is ignored. What they mean elsewhere:
https://docs.prefect.io/v3/api-ref/python/prefect-docker-docker_image
https://docker-py.readthedocs.io/en/stable/api.html#docker.api.build.BuildApiMixin.build
https://gabrieldemarmiesse.github.io/python-on-whales/sub-commands/buildx/#build
"""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Any

from imagebuild.cli import reading
from imagebuild.errors import UsageError
from imagebuild.planning import placed
from imagebuild.prefect.keywords import Keywords, refuse, text, texts
from imagebuild.prefect.storing import storage_in
from imagebuild.request import BuildRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from imagebuild.names import ImageName
    from imagebuild.sources.references import Blocks

AUTO = "auto"
_BACKENDS = ("docker-py", "buildx")
_REMOTE = ("http://", "https://", "git://", "git@", "github.com/")
# What a Dockerfile of the user's own says itself.
_RENDERED = ("base", "directory", "requirements", "packages", "template", "env")


def image_request(
    name: str,
    tag: str | None = None,
    *,
    tags: Sequence[str] = (),
    dockerfile: str | os.PathLike[str] | None = AUTO,
    root: Path,
    env: Mapping[str, str],
    given: Mapping[str, Any] | None = None,
    namespace: str | None = None,
) -> BuildRequest:
    """The image that a `DockerImage`, a `FlowImage` or a build step asks for.

    `name` is `[registry/]name[:tag]`, or its tag is `tag`; a bare one goes below `namespace`
    (`registry[/path]`), as Prefect has it. `tags` are further ones. `dockerfile` is `auto` for one
    that is made, else a path in the build context. `root` is the folder that paths are relative
    to, and the project root unless `given` has a `context`; in `env` secrets and agents are found.
    `given` are all other keywords, by their names in docker-py, buildx or here; what is None counts
    as not given. It is not to be pushed unless `given` says so.

    Raises `UsageError` for whatever cannot be meant or done, by the keyword's name.
    """
    keywords = Keywords(given or {})
    builder_of(given or {})
    image = image_name(name, tag)
    further = (*texts("tags", tags), *keywords.texts("tags"))
    context = _context(keywords, root)
    request = _content(keywords, BuildRequest(context, root), env)
    return dataclasses.replace(
        request,
        image=placed(image, namespace) if namespace else image,
        tags=_tags(further, keywords.word("tags")),
        own_tag=True,  # as Prefect has it: a further one may move
        push=keywords.flag("push") or False,
        pin=keywords.flag("pin") is not False,
        dockerfile=_dockerfile(dockerfile, keywords, context, root),
        pull=keywords.flag("pull"),
        cache=_cache(keywords),
        epoch=env.get("SOURCE_DATE_EPOCH"),
    )


def builder_of(given: Mapping[str, Any]) -> str:
    """Which of our builders the keywords ask for.

    Prefect's `docker-py` and `buildx` are both done by the engine's BuildKit. Raises `UsageError`
    for a backend that Prefect does not have.
    """
    keywords = Keywords(given)
    backend = keywords.text("backend")
    if backend not in {None, *_BACKENDS}:
        refuse(f"build_backend={backend!r}", "Prefect has docker-py and buildx", "leave it out")
    return keywords.text("builder") or "docker"


def blocks_of(given: Mapping[str, Any]) -> Blocks:
    """The blocks that an object given as `source` holds itself, with its secrets."""
    storage = storage_in(Keywords(given))
    return storage.blocks if storage else {}


def image_name(name: object, tag: object = None) -> ImageName:
    """`[registry/]name[:tag]`, with its tag in one place only.

    Raises `UsageError`, also for a name with a digest, which is known only after a push.
    """
    what = f"the image name {name!r}"
    if not isinstance(name, str):
        refuse(what, "it is no text", "write such as 'registry.example.com/team/flow'")
    parsed = reading.image_name(name, what)
    if parsed.digest is not None:
        without = parsed.untagged.with_tag(parsed.tag or "v1")
        refuse(what, "a digest is known only after the push", f"leave it out: {str(without)!r}")
    if tag is None or tag == "":
        return parsed
    if parsed.tag is not None:
        message = f"cannot use two tags for one image: {parsed.tag!r} in its name, and {tag!r}"
        raise UsageError(message, hint="give one of them; tags=[...] are further ones")
    if isinstance(tag, list | tuple):
        refuse(f"tag={tag!r}", "it is a list", "give one, and further ones as tags")
    return parsed.with_tag(*_tags(texts("tag", tag), "tag"))


def _tags(given: Sequence[str], word: str) -> tuple[str, ...]:
    return reading.image_tags(given, word, hint="write such as 'v1'")


def _content(keywords: Keywords, request: BuildRequest, env: Mapping[str, str]) -> BuildRequest:
    """The request with what goes into the image."""
    base, here = keywords.text("base"), request.here
    storage, pulled = storage_in(keywords), _pulled(keywords)
    if pulled and storage and storage.never_pulled:
        what = f"code='pulled' with this {type(keywords.value('source')).__name__}"
        refuse(what, *storage.never_pulled)
    return dataclasses.replace(
        request,
        base=request.base if base is None else reading.image_name(base, f"base={base!r}"),
        directory=keywords.text("directory"),
        requirements=keywords.text("requirements"),
        packages=keywords.texts("packages"),
        template=keywords.text("template") or request.template,
        platform=_platform(keywords),
        build_args=reading.build_args(
            keywords.pairs("build_args"), env, keywords.word("build_args")
        ),
        env=reading.pairs(keywords.pairs("env"), "env", "LEVEL=debug"),
        labels=reading.pairs(keywords.pairs("labels"), "labels", "team=data"),
        secrets=tuple(
            reading.secret(each, here, env, keywords.word("secrets"))
            for each in keywords.texts("secrets")
        ),
        ssh=reading.agents(keywords.texts("ssh"), env, "ssh"),
        source=storage.asked if storage else None,
        pulled=pulled,
    )


def _context(keywords: Keywords, root: Path) -> Path:
    path = keywords.text("context")
    if path is not None and path.startswith(_REMOTE):
        refuse(
            f"{keywords.word('context')}={path!r}",
            "it is no folder",
            "check it out, and give the folder",
        )
    return root if path is None else root / path


def _pulled(keywords: Keywords) -> bool:
    code = keywords.text("code")
    if code not in {None, "baked", "pulled"}:
        refuse(f"code={code!r}", "code is baked or pulled", "write code='pulled', or leave it out")
    return code == "pulled"


def _dockerfile(given: object, keywords: Keywords, context: Path, root: Path) -> str | None:
    """The Dockerfile, relative to `root`: docker takes it as relative to the build context."""
    path = AUTO if given is None else text("dockerfile", given)
    if path == AUTO:
        return None
    if both := [keywords.word(meaning) for meaning in _RENDERED if meaning in keywords]:
        refuse(
            f"{' and '.join(both)} with dockerfile={path!r}",
            "a Dockerfile of your own is built as it is",
            "write it into the Dockerfile, or use a template of your own instead",
        )
    return os.path.relpath(context / path, root) if "context" in keywords else path


def _platform(keywords: Keywords) -> str | None:
    platforms = keywords.texts("platform")
    if len(platforms) > 1:
        refuse(
            f"{keywords.word('platform')}={list(platforms)!r}",
            "an image is of one platform",
            "name one, such as linux/amd64",
        )
    return platforms[0] if platforms else None


def _cache(keywords: Keywords) -> bool:
    cache, without = keywords.flag("cache"), keywords.flag("no_cache")
    if cache is not None and cache is without:
        what = f"cache={cache} with {keywords.word('no_cache')}={without}"
        refuse(what, "one says the opposite of the other", "give one of them")
    return not without if cache is None else cache
