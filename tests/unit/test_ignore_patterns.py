"""One pattern, one path: what Docker's matcher says, as facts about the format.

Learnt from the tables of https://github.com/moby/patternmatcher and from the docker CLI.
"""

import pytest

from imagebuild.ignore import BadPattern, Ignore

# pattern, a path that it leaves out, a path that it does not
MATCHES = [
    ("*", "file", None),
    ("**", "dir/file", None),
    ("**/", "dir/file", None),
    ("**/**", "dir/file", None),
    ("***", "dir/file", None),
    ("dir/**", "dir/deep/file", "dir"),
    ("dir/**", "dir/file", "dirs"),
    ("dir**", "dirs/file", "adir"),
    ("**/dir", "dir", "adir"),
    ("**/dir", "a/dir", "a/dirs"),
    ("**/dir", "a/dir/file", "a/file"),
    ("**file", "file", "files"),
    ("**file", "a/xfile", "a/filex"),
    ("**/file", "a/b/file", "a/xfile"),
    ("**/file*txt", "a/b/file.txt", "a/b/file.md"),
    ("**/dir/*", "a/dir/file", "a/dir"),
    ("**/dir/**", "a/dir/b/file", "a/dirs/file"),
    ("**/**/*.txt", "file.txt", "file.txt2"),
    ("**/foo/bar", "a/b/foo/bar", "foo"),
    ("a**/*.txt", "a/b/c.txt", "b/c.txt"),
    ("a/*.txt", "a/b.txt", "a/b/c.txt"),
    ("a/*.txt**", "a/b.txt2", "a/b.md"),
    ("a/**/b", "a/x/y/b", "a/x/y/c"),
    ("a/**/b", "a/b", "ab"),
    ("a*", "ab/c", "ba"),
    ("a*/b", "abc/b", "a/c/b"),
    ("a*b*c", "axbxc", "axb"),
    ("a?b", "a☺b", "a/b"),
    ("a???b", "axyzb", "a☺b"),
    ("a[b-d]e", "ace", "aae"),
    ("a[^b-d]e", "aze", "ace"),
    ("[a-ζ]*", "βx", "A"),
    ("[a]", "a", "b"),
    ("[\\]a]", "]", "["),
    ("[\\-x]", "-", "a"),
    ("[x\\-]", "x", "z"),
    ("[ab][cd]", "bd", "ab"),
    (".*", ".foo", "foo"),
    ("abc.def", "abc.def", "abcZdef"),
    ("a(b)c/def", "a(b)c/def", "abc/def"),
    ("a.|)$(}+{bc", "a.|)$(}+{bc", "a"),
    ("*.|)$(}+{bc", "x.|)$(}+{bc", "x"),
    ("a\\\\", "a\\", "a"),
    ("a\\*b", "a*b", "axb"),
]

# The differences from gitignore that were measured against the CLI.
UNLIKE_GITIGNORE = [
    ("*.pyc", "a.pyc", "src/a.pyc"),
    ("__pycache__x", "__pycache__x", "src/__pycache__x"),
    ("secret.txt", "secret.txt", "src/secret.txt"),
    ("?", "a", "src/a"),
    ("a/", "a", "src/a"),
    ("/a", "a", "src/a"),
    ("[!x]", "!", "a"),
    ("[!x]", "x", "y"),
    ("[^x]", "a", "x"),
    ("b[^x]c", "b/c", "bxc"),
    ("\\#x", "#x", "\\#x"),
    ("\\!x", "!x", "x"),
    ("x\\[1\\]", "x[1]", "x1"),
    ("a\\ b", "a b", "a\\ b"),
    (" #x", "#x", "x"),
    ("\ufeffa", "a", "\ufeffa"),
    ("./a", "a", "b"),
    ("b/../a", "a", "b"),
    ("//a", "a", "b"),
    ("a/.//b/", "a/b", "a"),
    ("a\r", "a", "a\r"),
    ("\u00a0a\u2003", "a", "\u00a0a"),
    ("/ a", "a", "b"),
    ("a^b", "a^b", "ab"),
    ("A", "A", "a"),
    # What Docker pastes into a class is part of the class: `[*]` is `[[^/]*]`.
    ("[*]", "[^]", "*"),
    ("[?]", "^]", "?"),
    ("[**]", "(", "a"),
    ("é*", "é.py", "e.py"),
]

NOTHING = [".", "/", "..", "../a", "a^*", "#a", "", " ", "\t", "!a"]

REFUSED = [
    ("[", "not closed"),
    ("a[", "not closed"),
    ("[^", "not closed"),
    ("[^bc", "not closed"),
    ("[a\\", "not closed"),
    ("a[*[]b", "not closed"),
    ("[]a]", "written"),
    ("[-]", "written"),
    ("[-x]", "written"),
    ("[x-]", "written"),
    ("[a-b-c]", "written"),
    ("[Local-Only]", "backwards"),
    ("a\\", "backslash"),
    ("!", "nothing comes after"),
    ("! ", "nothing comes after"),
    ("!/", "nothing comes after"),
    ("[[:alpha:]]", "named classes"),
    ("[^[:digit:]x]", "named classes"),
    ("\\d", "needs none"),
    ("[\\w]", "needs none"),
    ("\\é", "needs none"),
    ("x" * 65536, "longer"),
    ("#" + "é" * 32768, "longer"),
]


@pytest.mark.parametrize(("pattern", "out", "sent"), [*MATCHES, *UNLIKE_GITIGNORE])
def test_pattern_leaves_out_just_that(pattern: str, out: str, sent: str | None) -> None:
    """A pattern leaves out the path that it should, and not the one that looks like it."""
    ignore = Ignore.parse(pattern)

    assert ignore.why(out, is_dir=False) is not None
    assert sent is None or ignore.why(sent, is_dir=False) is None


@pytest.mark.parametrize("pattern", NOTHING)
def test_pattern_leaves_out_nothing(pattern: str) -> None:
    """Comments, blanks, the root itself and what lies outside it leave out no file."""
    ignore = Ignore.parse(pattern)

    assert not any(ignore.why(path, is_dir=False) for path in ("a", "ax", "b/a", "#a", "x"))


@pytest.mark.parametrize(("pattern", "reason"), REFUSED)
def test_bad_pattern_is_refused_where_it_stands(pattern: str, reason: str) -> None:
    """A pattern that stops `docker build` is an error that names file, line and reason."""
    with pytest.raises(BadPattern, match=reason) as caught:
        Ignore.parse(f"ok\r\n# fine\n{pattern}\n", source="sub/.dockerignore")

    error = caught.value
    assert (error.source, error.line) == ("sub/.dockerignore", 3)
    assert error.pattern == pattern.strip()
    assert str(error).startswith("sub/.dockerignore, line 3: ")


def test_longest_line_is_taken() -> None:
    """65,535 bytes is what Docker's reader holds."""
    assert Ignore.parse("x" * 65535).lines
