"""Finds templates and renders a plan's Dockerfile: the one door to Jinja.

A value is printed through a filter that quotes it for the place it stands in, or not at all, so
no value can add an instruction. What a template says itself is trusted, as any Dockerfile is.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import jinja2.nodes
import jinja2.sandbox

from imagebuild.digest import digest_of
from imagebuild.errors import UsageError
from imagebuild.plan import OwnDockerfile, Template
from imagebuild.quoting import FILTERS, Quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from imagebuild.plan import Plan

_SUFFIX = ".Dockerfile.jinja"
_REFERENCES = (
    jinja2.nodes.Extends,
    jinja2.nodes.Include,
    jinja2.nodes.Import,
    jinja2.nodes.FromImport,
)


@dataclass(frozen=True)
class OwnTemplate(Template):
    """A user's template, called like its file; `sources` has its text and its neighbours'."""

    sources: Mapping[str, str] = field(default_factory=dict, repr=False)


def folder() -> Path:
    """Where the shipped templates lie: in a wheel beside this module, else beside the package."""
    inside = Path(__file__).parent / "dockerfile_templates"
    return inside if inside.is_dir() else Path(__file__).parents[1] / "dockerfile_templates"


def names() -> tuple[str, ...]:
    """The templates that are shipped, sorted."""
    return tuple(sorted(path.name.removesuffix(_SUFFIX) for path in folder().glob(f"*{_SUFFIX}")))


def load(name: str, here: Path, root: Path) -> Template:
    """The template that a user means: a shipped one's name, else a file's path.

    The path is relative to `here`, else to `root`. The digest covers the template and all that it
    extends, includes and imports: shipped ones by their names, and files in its own folder.

    Raises `UsageError` for a template that is not there, that cannot be read (with file and line),
    and for one that refers to another by anything but its name.
    """
    if name in names():
        return Template(name, digest_of(_sources(name, _shipped(name), None)))
    path = next((path for path in (here / name, root / name) if path.is_file()), None)
    if path is None:
        message = f"there is no template {name!r}"
        raise UsageError(message, hint=_suggestion(name, (here, root)))
    path = path.resolve()
    sources = _sources(path.name, _text(path), path.parent)
    own = {key: text for key, text in sources.items() if key == path.name or key not in names()}
    return OwnTemplate(path.name, digest_of(sources), own=True, sources=own)


def render(plan: Plan, *, user: str = "", mounts: bool = True) -> str:
    """The Dockerfile of a plan; the user's own Dockerfile as it is.

    `user` is the base's own where it is not root: what is installed is installed as root, and it
    gets its place back. `mounts` says whether the builder knows `RUN --mount`; without, there are
    no caches, secrets and ssh agents.

    Raises `UsageError` for a value that no Dockerfile can hold and for a template that fails, with
    its file and line.
    """
    match plan.environment.recipe:
        case OwnDockerfile(text=text):
            return text
        case Template() as template:
            return _rendered(template, _values(plan, user, mounts))


def _values(plan: Plan, user: str, mounts: bool) -> dict[str, Any]:
    """All that a template can use."""
    environment = plan.environment
    return {
        "base": environment.base.reference,
        "build_args": tuple(environment.build_args),
        "packages": environment.packages,
        "directory": plan.code.directory,
        "dependencies": environment.dependencies,
        "libraries": environment.libraries,
        "code": plan.code.tree != "",
        "secrets": environment.secrets,
        "ssh": environment.ssh,
        "env": dict(plan.code.env),
        "user": "" if user.partition(":")[0] in {"", "0", "root"} else user,
        "mounts": mounts,
    }


def _rendered(template: Template, values: Mapping[str, Any]) -> str:
    own = template.sources if isinstance(template, OwnTemplate) else {}

    def source(name: str) -> tuple[str, str, None]:
        return own[name] if name in own else _shipped(name), _file(name), None

    try:
        environment = _environment(jinja2.FunctionLoader(source))
        return str(environment.get_template(template.name).render(values))
    except UsageError:
        raise
    except Exception as error:  # a template can compute, so it can fail in any way
        place = _place(error, {_file(name) for name in (*own, *names())})
        message = f"cannot render the template {place or _file(template.name)}"
        raise UsageError(message, causes=(str(error),)) from error


def _sources(first: str, text: str, beside: Path | None) -> dict[str, str]:
    """The text of a template and of all that it refers to, by the names that they go by."""
    environment = _environment()
    found, pending = {first: text}, [first]
    while pending:
        name = pending.pop()
        for line, reference in _references(environment, name, found[name]):
            if reference in found:
                continue
            if reference in names():
                found[reference] = _shipped(reference)
            elif beside and _is_file_in(beside, reference):
                found[reference] = _text(beside / reference)
            else:
                raise _misled(name, line, f"it refers to {reference!r}, which is not beside it")
            pending.append(reference)
    return found


def _references(environment: jinja2.Environment, name: str, text: str) -> Iterator[tuple[int, str]]:
    """What a template extends, includes and imports, each with the line that says so."""
    try:
        tree = environment.parse(text, name, _file(name))
        environment.compile(tree, name, _file(name))
    except jinja2.TemplateSyntaxError as error:
        message = f"cannot read the template {_file(name)}, line {error.lineno}"
        raise UsageError(message, causes=(str(error.message),)) from error
    for node in tree.find_all(_REFERENCES):
        match getattr(node, "template", None):
            case jinja2.nodes.Const(value=str() as reference):
                yield node.lineno, reference
            case _:
                raise _misled(name, node.lineno, "it refers to another by a value")


def _is_file_in(folder: Path, name: str) -> bool:
    path = (folder / name).resolve()
    return path.is_file() and path.is_relative_to(folder)


def _misled(name: str, line: int, cause: str) -> UsageError:
    message = f"cannot read the template {_file(name)}, line {line}"
    hint = f"name a file in its folder, or a shipped template ({', '.join(names())}), in quotes"
    return UsageError(message, causes=(cause,), hint=hint)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"cannot read the template {path}"
        raise UsageError(message, causes=(str(error),)) from error


def _shipped(name: str) -> str:
    return _text(folder() / f"{name}{_SUFFIX}")


def _file(name: str) -> str:
    """What a template is called in a message."""
    return f"{name}{_SUFFIX}" if name in names() else name


def _suggestion(name: str, folders: tuple[Path, ...]) -> str:
    beside = [path.name for folder in folders for path in folder.glob(f"*{_SUFFIX}")]
    close = difflib.get_close_matches(name, [*names(), *beside], n=1)
    shipped = f"give the path of a file, or one of the shipped templates: {', '.join(names())}"
    return f"did you mean {close[0]}? {shipped}" if close else shipped


class _Environment(jinja2.sandbox.SandboxedEnvironment):
    """What a block or a macro printed is printed again as it is: all in it is quoted already."""

    @staticmethod
    def concat(pieces: Iterable[str]) -> Quoted:
        """Put together what was printed."""
        return Quoted("".join(pieces))


def _environment(loader: jinja2.BaseLoader | None = None) -> jinja2.Environment:
    environment = _Environment(
        loader=loader,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_only_quoted,
        autoescape=False,
    )
    environment.filters.update(FILTERS)
    return environment


def _only_quoted(value: Any) -> Any:
    if isinstance(value, str) and value and not isinstance(value, Quoted):
        message = f"{value!r} is printed without a filter that quotes it"
        raise jinja2.TemplateRuntimeError(message)
    return value


def _place(error: BaseException, files: set[str]) -> str:
    """Where in which template it happened: Jinja leaves the line in the traceback alone."""
    trace, place = error.__traceback__, ""
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in files:
            place = f"{trace.tb_frame.f_code.co_filename}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return place
