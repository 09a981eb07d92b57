"""Says which files of a project are never sent: `.dockerignore` as BuildKit reads it, and our list.

Format: https://docs.docker.com/build/concepts/context/#dockerignore-files, and where that is
silent https://github.com/moby/patternmatcher (`New`, `MatchesUsingParentResults`, `ignorefile`)
and the walk of https://github.com/tonistiigi/fsutil/blob/master/filter.go. It is not gitignore's:
patterns are anchored, and a child can come back where its directory is left out.

pathspec enters here and nowhere else. Its `PathSpec` decides each path alone, BuildKit with what
matched the directory above, so the pattern class is pathspec's and the decision is ours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING, AnyStr

from pathspec.pattern import RegexPattern

from imagebuild.ignore_defaults import VIRTUALENV, Rule, built_in
from imagebuild.ignore_habits import Suspect, suspects
from imagebuild.ignore_regexp import SPACE, PatternError, cleaned_line, to_regexp

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DEFAULT_SOURCE", "BadPattern", "DockerignorePattern", "Ignore", "Rule", "Suspect"]

DEFAULT_SOURCE = ".dockerignore"
_LINE_LIMIT = 64 * 1024 - 1  # bytes that Go's bufio.Scanner takes, without the line's end


class BadPattern(ValueError):
    """A line that `docker build` refuses too: `source`, `line` (from 1), `pattern`, `reason`."""

    def __init__(self, source: str, line: int, pattern: str, reason: str) -> None:
        super().__init__(f"{source}, line {line}: {pattern[:80]!r}: {reason}")
        self.source = source
        self.line = line
        self.pattern = pattern
        self.reason = reason


class DockerignorePattern(RegexPattern):
    """One line as a pathspec pattern, by itself: `include` is True where it leaves paths out.

    Raises `PatternError`, which says why, for a line that `docker build` refuses.
    """

    __slots__ = ()

    @classmethod
    def pattern_to_regex(cls, pattern: AnyStr) -> tuple[AnyStr | None, bool | None]:
        """The regular expression, and whether it leaves out; None twice for comments and blanks."""
        if not isinstance(pattern, str):
            msg = "a line of an ignore file is text"
            raise TypeError(msg)
        cleaned = cleaned_line(pattern)
        if not cleaned:
            return None, None
        return to_regexp(cleaned.removeprefix("!")), not cleaned.startswith("!")


@dataclass(frozen=True)
class _Line:
    rule: Rule
    cleaned: str
    pattern: DockerignorePattern = field(compare=False)
    keeps: bool

    def named(self) -> list[str]:
        """The parts of the pattern: those without wildcards are names."""
        return self.cleaned.removeprefix("!").split("/")

    def reaches_below(self, directory: str) -> bool:
        """Whether it can match something in the directory; True where that is hard to say."""
        parts, names = self.named(), directory.split("/")
        for part, name in zip(parts, names, strict=False):
            if "**" in part or any(character in part for character in "[\\^"):
                return True
            if not fnmatchcase(name, part):
                return False
        return len(parts) > len(names)


@dataclass(frozen=True)
class _Verdict:
    """Which lines match a directory or one above it, and the one that leaves it out."""

    matches: tuple[bool, ...]
    by: int | None = None


def _never(path: str) -> bool:  # noqa: ARG001 -- the default of a hook
    return False


@dataclass(frozen=True)
class Ignore:
    """The rules of one project. Paths are relative, with `/`, and never begin with `./`.

    `source` is the ignore file's own path: the one to write further lines into. `reports` are
    files that are never sent, whatever a line says.
    """

    source: str = DEFAULT_SOURCE
    lines: tuple[_Line, ...] = ()
    warnings: tuple[Suspect, ...] = ()
    is_virtualenv: Callable[[str], bool] = field(default=_never, compare=False, repr=False)
    reports: frozenset[str] = frozenset()
    _verdicts: dict[str, _Verdict] = field(default_factory=dict, compare=False, repr=False)
    _listed: dict[str, Rule | None] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def parse(
        cls,
        text: str,
        *,
        source: str = DEFAULT_SOURCE,
        is_virtualenv: Callable[[str], bool] = _never,
    ) -> Ignore:
        """Read an ignore file; raises `BadPattern` for the first line that cannot be used.

        `is_virtualenv` is asked once about each directory that is not on the built-in list:
        whether it holds a `pyvenv.cfg`.
        """
        lines = []
        for number, raw in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
            try:
                line = _read(raw.removesuffix("\r"), source, number)
            except PatternError as error:
                raise BadPattern(source, number, raw.strip(SPACE), str(error)) from error
            if line:
                lines.append(line)
        return cls(
            source,
            tuple(lines),
            tuple(suspects([(line.rule, line.cleaned) for line in lines])),
            is_virtualenv,
        )

    def why(self, path: str, *, is_dir: bool) -> Rule | None:
        """The rule that leaves the path out, its own or a directory's; None if it is sent.

        The built-in list is asked first, so that each secret that stays behind is known as one.
        """
        if path in {"", "."}:
            return None
        if path in self.reports:
            return Rule(path, "reports")
        return self._on_list(path, is_dir=is_dir) or self._by_line(path, is_dir=is_dir)

    def may_hold_kept(self, directory: str) -> bool:
        """Whether a walk must enter the directory, because something in it may be sent.

        False only where nothing can be; a directory that is sent must always be entered.
        """
        if self.why(directory, is_dir=True) is None:
            return True
        if self._on_list(directory, is_dir=True):
            return False
        by = self._verdict(directory).by
        later = self.lines[0 if by is None else by + 1 :]
        return any(line.keeps and line.reaches_below(directory) for line in later)

    def names(self, path: str) -> bool:
        """Whether a `!` line names this very entry in its last part, and so brings it back.

        `!.env`, `!src/.env` and `!**/.env` do; `!*`, `!src` and `!.env*` do not.
        """
        entry = built_in(path)
        size = 1 + entry[1].count("/") if entry else 1
        wanted = path.split("/")[-size:]
        return any(
            line.keeps
            and [re.sub(r"\\(.)", r"\1", part) for part in line.named()[-size:]] == wanted
            and line.pattern.match_file(path) is not None
            for line in self.lines
        )

    def _on_list(self, path: str, *, is_dir: bool) -> Rule | None:
        if path in self._listed:
            return self._listed[path]
        folder = path.rpartition("/")[0]
        rule = self._on_list(folder, is_dir=True) if folder else None
        found = built_in(path) if rule is None else None
        if rule is None and found is None and is_dir and self.is_virtualenv(path):
            found = ("environment", VIRTUALENV)
        if found and not self.names(path):
            rule = Rule(found[1], "built-in", kind=found[0])
        if is_dir:
            self._listed[path] = rule
        return rule

    def _by_line(self, path: str, *, is_dir: bool) -> Rule | None:
        verdict = self._verdict(path) if is_dir else self._decide(path)
        return None if verdict.by is None else self.lines[verdict.by].rule

    def _verdict(self, directory: str) -> _Verdict:
        if not directory:
            return self._no_match
        if directory not in self._verdicts:
            self._verdicts[directory] = self._decide(directory)
        return self._verdicts[directory]

    @cached_property
    def _no_match(self) -> _Verdict:
        return _Verdict((False,) * len(self.lines))

    @cached_property
    def _leaves_out(self) -> re.Pattern[str]:
        """Matches what any line without `!` matches."""
        regexps = [to_regexp(line.cleaned) for line in self.lines if not line.keeps]
        return re.compile("|".join(f"(?:{regexp})" for regexp in regexps) or r"(?!)")

    def _decide(self, path: str) -> _Verdict:
        above = self._verdict(path.rpartition("/")[0]).matches
        # The case of nearly every file of a large project, by one search whatever the lines.
        if True not in above and self._leaves_out.search(path) is None:
            return self._no_match
        matches, by = [], None
        for index, line in enumerate(self.lines):
            # BuildKit does not ask a line that cannot change the verdict, and remembers it as one
            # that does not match: that decides `a/b` + `!a`, so it is no mere optimization.
            hit = above[index] or (
                line.keeps == (by is not None) and line.pattern.match_file(path) is not None
            )
            matches.append(hit)
            if hit:
                by = None if line.keeps else index
        return _Verdict(tuple(matches), by)


def _read(raw: str, source: str, number: int) -> _Line | None:
    if len(raw.encode(errors="surrogateescape")) > _LINE_LIMIT:
        msg = f"the line is longer than {_LINE_LIMIT} bytes"
        raise PatternError(msg)
    pattern = DockerignorePattern(raw)
    if pattern.include is None:
        return None
    rule = Rule(raw.strip(SPACE), source, line=number)
    return _Line(rule, cleaned_line(raw), pattern, keeps=not pattern.include)
