"""Image names: what is one, what is none and why, and where each lies."""

from __future__ import annotations

import pytest

from imagebuild.names import BadImageName, ImageName, LayoutName

SHA = "sha256:" + "0123456789abcdef" * 4
LONGEST = "a" * 250
ONE_PART_TOO_LONG = "x/" * 127 + "xy"


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag", "digest"),
    [
        ("app", None, "app", None, None),
        ("app:v1", None, "app", "v1", None),
        ("app:latest", None, "app", "latest", None),
        ("my-docker-image:latest", None, "my-docker-image", "latest", None),
        ("7zip", None, "7zip", None, None),
        ("a.b_c__d-e---f", None, "a.b_c__d-e---f", None, None),
        ("team/app", None, "team/app", None, None),
        ("team/sub/app:v1", None, "team/sub/app", "v1", None),
        ("prefecthq/prefect:3-latest", None, "prefecthq/prefect", "3-latest", None),
        ("localhost", None, "localhost", None, None),
        ("localhost:5000", None, "localhost", "5000", None),
        ("reg.example.com", None, "reg.example.com", None, None),
        ("localhost/app", "localhost", "app", None, None),
        ("localhost:5000/app", "localhost:5000", "app", None, None),
        ("localhost:5000/app:v1", "localhost:5000", "app", "v1", None),
        ("host:1/app", "host:1", "app", None, None),
        ("reg.example.com/app", "reg.example.com", "app", None, None),
        ("reg.example.com:443/team/app:v1", "reg.example.com:443", "team/app", "v1", None),
        ("Reg.Example.COM/app", "Reg.Example.COM", "app", None, None),
        ("127.0.0.1/app", "127.0.0.1", "app", None, None),
        ("[::1]/app", "[::1]", "app", None, None),
        ("[::1]:5000/app:v1", "[::1]:5000", "app", "v1", None),
        ("[fd00::ABCD]:80/team/app", "[fd00::ABCD]:80", "team/app", None, None),
        ("docker.io/library/app", "docker.io", "library/app", None, None),
        ("app:V1.2_3-4", None, "app", "V1.2_3-4", None),
        ("app:_x", None, "app", "_x", None),
        (f"app:{'t' * 128}", None, "app", "t" * 128, None),
        (f"app@{SHA}", None, "app", None, SHA),
        (f"app:v1@{SHA}", None, "app", "v1", SHA),
        (f"localhost:5000/app:v1@{SHA}", "localhost:5000", "app", "v1", SHA),
        ("f" * 63, None, "f" * 63, None, None),
        (f"x/{'f' * 64}", None, f"x/{'f' * 64}", None, None),
        (LONGEST, None, LONGEST, None, None),
    ],
)
def test_a_name_is_read_part_by_part_and_written_as_it_was(
    text: str, registry: str | None, repository: str, tag: str | None, digest: str | None
) -> None:
    """Nothing is added, nothing is lost."""
    parsed = ImageName.parse(text)

    assert ImageName(registry, repository, tag, digest) == parsed
    assert text == str(parsed)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        (" ", "only ASCII"),
        ("my image", "only ASCII"),
        (" app", "only ASCII"),
        ("app\n", "only ASCII"),
        ("app:v1\n", "only ASCII"),
        ("x:tag\nRUN id", "only ASCII"),
        ("app\t", "only ASCII"),
        ("app\x00", "only ASCII"),
        ("app\x7f", "is not a repository"),
        ("bücher", "only ASCII"),
        ("app:ṽ1", "only ASCII"),
        ("\u0430pp", "only ASCII"),  # a Cyrillic a
        ("App", "lower case"),
        ("UPPER/x", "lower case"),
        ("team/App", "lower case"),
        ("LOCALHOST/x", "lower case"),
        ("a:b:c", "'b:c' is not a tag"),
        ("app:", "'' is not a tag"),
        ("app:.v1", "is not a tag"),
        ("app:-v1", "is not a tag"),
        ("app:v1/x", "is not a registry"),
        ("app:v+1", "is not a tag"),
        (f"app:{'t' * 129}", "is not a tag"),
        (":v1", "is not a repository"),
        ("/app", "is not a repository"),
        ("app/", "is not a repository"),
        ("team//app", "is not a repository"),
        ("reg.example.com/", "is not a repository"),
        ("-app", "is not a repository"),
        ("app-", "is not a repository"),
        ("_app", "is not a repository"),
        ("a..b", "is not a repository"),
        ("a___b", "is not a repository"),
        ("a._b", "is not a repository"),
        ("../app", "'..' is not a registry"),
        ("./app", "'.' is not a registry"),
        ("app$home", "is not a repository"),
        ("--push", "is not a repository"),
        ("app;id", "is not a repository"),
        ("{{ app }}", "only ASCII"),
        ("{{app}}", "is not a repository"),
        ("http://reg.example.com/app", "'http:' is not a registry"),
        ("user:secret@reg.example.com/app", "after the @"),
        ("reg_x.example.com/app", "is not a registry"),
        ("-reg.example.com/app", "is not a registry"),
        ("reg.example.com:port/app", "is not a registry"),
        ("reg.example.com:/app", "is not a registry"),
        ("[::1/app", "is not a registry"),
        ("[::g]/app", "is not a registry"),
        ("::1/app", "is not a registry"),
        ("app@", "after the @"),
        ("app@latest", "after the @"),
        ("app@sha256:abc", "after the @"),
        (f"app@{SHA.upper()}", "after the @"),
        (f"app@{SHA}0", "after the @"),
        (f"app@sha512:{'0' * 128}", "after the @"),
        (f"app@{SHA}@{SHA}", "after the @"),
        (f"@{SHA}", "is not a repository"),
        ("f" * 64, "an image's ID"),
        (f"{'f' * 64}:v1", "an image's ID"),
        ("a" * 300, "longer than 255"),
        (f"reg.example.com/{'a' * 240}", "longer than 255"),
        (ONE_PART_TOO_LONG, "longer than 255"),
    ],
)
def test_what_is_no_name_is_refused_with_the_reason(text: str, reason: str) -> None:
    """The error shows the text, at most 80 characters of it, on one line."""
    with pytest.raises(BadImageName, match=reason) as caught:
        ImageName.parse(text)

    assert text == caught.value.text
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("text", "host", "location"),
    [
        ("app", "docker.io", "docker.io/library/app"),
        ("app:v1", "docker.io", "docker.io/library/app"),
        (f"app@{SHA}", "docker.io", "docker.io/library/app"),
        ("library/app", "docker.io", "docker.io/library/app"),
        ("docker.io/app", "docker.io", "docker.io/library/app"),
        ("docker.io/library/app", "docker.io", "docker.io/library/app"),
        ("index.docker.io/app", "index.docker.io", "docker.io/library/app"),
        ("index.docker.io/team/app", "index.docker.io", "docker.io/team/app"),
        ("registry-1.docker.io/team/app", "registry-1.docker.io", "docker.io/team/app"),
        ("team/app", "docker.io", "docker.io/team/app"),
        ("localhost/app", "localhost", "localhost/app"),
        ("localhost:5000/app", "localhost:5000", "localhost:5000/app"),
        ("reg.example.com/team/app:v1", "reg.example.com", "reg.example.com/team/app"),
    ],
)
def test_the_same_place_has_one_location_however_it_is_written(
    text: str, host: str, location: str
) -> None:
    """Docker Hub has several names, and a namespace that need not be written."""
    name = ImageName.parse(text)

    assert host == name.host
    assert location == name.location


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("app", True),
        ("app:v1", True),
        (f"app@{SHA}", True),
        ("team/app", False),
        ("localhost/app", False),
        ("reg.example.com/app", False),
        ("docker.io/app", False),
    ],
)
def test_a_bare_name_says_neither_registry_nor_namespace(text: str, bare: bool) -> None:
    """Such a name cannot be pushed as it is."""
    assert bare is ImageName.parse(text).is_bare


@pytest.mark.parametrize(
    ("text", "namespace", "expected"),
    [
        ("app", "team", "team/app"),
        ("app:v1", "reg.example.com", "reg.example.com/app:v1"),
        ("app:v1", "reg.example.com/team", "reg.example.com/team/app:v1"),
        ("app:v1", "localhost:5000/", "localhost:5000/app:v1"),
        ("team/app", "reg.example.com/all", "reg.example.com/all/team/app"),
    ],
)
def test_a_name_can_be_put_below_a_namespace(text: str, namespace: str, expected: str) -> None:
    """The registry is found anew in what comes out."""
    below = ImageName.parse(text).below(namespace)

    assert ImageName.parse(expected) == below


def test_a_namespace_that_is_none_is_refused() -> None:
    """As a name would be."""
    with pytest.raises(BadImageName):
        ImageName.parse("app").below("My Team")


def test_a_name_takes_another_tag_loses_it_or_is_pinned() -> None:
    """Each gives a new name and leaves the old one as it is."""
    name = ImageName.parse("localhost:5000/team/app:v1")

    assert str(name.with_tag("v2")) == "localhost:5000/team/app:v2"
    assert str(name.untagged) == "localhost:5000/team/app"
    assert f"localhost:5000/team/app:v1@{SHA}" == str(name.pinned(SHA))
    assert str(name.pinned(SHA).with_tag("v2")) == "localhost:5000/team/app:v2"
    assert str(name) == "localhost:5000/team/app:v1"


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("oci:out", LayoutName("out", archive=False)),
        ("oci:../a b/out:v1", LayoutName("../a b/out", archive=False, ref="v1")),
        (
            "oci-archive:/x.tar:reg.example:5000/app:v1",
            LayoutName("/x.tar", True, "reg.example:5000/app:v1"),
        ),
        *(
            (text, None)
            for text in ("oci", "oci:", "oci::v1", "oci:x:", "library/oci:v1", "docker:x")
        ),
    ],
)
def test_an_image_in_a_layout_is_called_as_skopeo_does(
    text: str, parsed: LayoutName | None
) -> None:
    """And the name is printed as it was typed."""
    assert LayoutName.parse(text) == parsed
    assert parsed is None or str(parsed) == text


def test_a_path_that_ends_so_is_an_archive() -> None:
    """Nothing else is."""
    assert str(LayoutName.of_path("a/out.tar").named("v1")) == "oci-archive:a/out.tar:v1"
    assert str(LayoutName.of_path("out.tar/x")) == "oci:out.tar/x"
