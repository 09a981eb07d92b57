"""Finds the lines of an ignore file that were written with gitignore's meaning in mind.

The commonest mistake in `.dockerignore` files, and a leak where the line is about keys: in
gitignore `*.log` means any depth, in `.dockerignore` the project's root alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagebuild.ignore_defaults import Rule, built_in
from imagebuild.ignore_regexp import to_regexp

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ELSEWHERE_TOO = frozenset({"node_modules", "Thumbs.db", "*~"})
_NEVER_AT_THE_ROOT_ALONE = frozenset({"cache", "secret"})


@dataclass(frozen=True)
class Suspect:
    """A line that is likely to mean less than was meant: what it does, and what to write instead.

    `covered` says that the built-in list leaves the same names out at every depth, so that
    nothing is sent for want of the better line.
    """

    rule: Rule
    meaning: str
    instead: str
    covered: bool = False

    def misses(self, path: str) -> bool:
        """Whether `instead` is about this path, or a directory above it, and the line is not.

        False for every path where the line is a `!` line.
        """
        if self.rule.pattern.startswith("!"):
            return False
        parts = path.split("/")
        wanted = re.compile(to_regexp(self.instead))
        above = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
        deep, at_root = above[1:], above[0]
        return not wanted.search(at_root) and any(map(wanted.search, deep))


def suspects(lines: Iterable[tuple[Rule, str]]) -> Iterator[Suspect]:
    """The suspects among lines, each given as its rule and its cleaned pattern with its `!`."""
    known = list(lines)
    everywhere = {cleaned for _, cleaned in known if cleaned.startswith("**/")}
    for rule, cleaned in known:
        instead = f"**/{cleaned}"
        if cleaned.startswith("!"):
            yield from _without_effect(rule, cleaned.removeprefix("!"))
        elif instead not in everywhere and _looks_like_gitignore(rule.pattern, cleaned):
            meaning = "only in the project's root: unlike .gitignore, a pattern here is anchored"
            yield Suspect(rule, meaning, instead, covered=built_in(cleaned) is not None)


def _looks_like_gitignore(written: str, cleaned: str) -> bool:
    if written.startswith("/") or "/" in cleaned or cleaned.startswith("**"):
        return False
    listed = built_in(cleaned)
    return (
        cleaned.startswith("*.")
        or cleaned in _ELSEWHERE_TOO
        or (listed is not None and listed[0] in _NEVER_AT_THE_ROOT_ALONE)
    )


def _without_effect(rule: Rule, cleaned: str) -> Iterator[Suspect]:
    parts = cleaned.split("/")
    for end in range(1, len(parts)):
        above = "/".join(parts[:end])
        if built_in(above) and not set("*?[\\") & set(parts[end - 1]):
            meaning = f"nothing: {above} is never sent unless a ! line names it"
            yield Suspect(rule, meaning, f"!{above}")
            return
