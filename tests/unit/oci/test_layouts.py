"""OCI layouts: read with every byte checked, and written whole or not at all."""

from __future__ import annotations

import io
import json
import os
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from imagebuild.errors import ImagebuildError
from imagebuild.events import ignore
from imagebuild.oci.configs import Config
from imagebuild.oci.content import Blob, of_bytes, of_layer
from imagebuild.oci.descriptors import DOCKER_MANIFEST, OCI_MANIFEST, BadManifest, Descriptor
from imagebuild.oci.layout_writing import Place, Written
from imagebuild.oci.layouts import BadLayout, Layout
from imagebuild.oci.manifests import ImageManifest
from tests.support.command import listing
from tests.unit.layouts import OCI, Tree, a_base, config_of, empty_layer, packed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ARM = "linux/arm64"


def image(*, text: bytes = b"", names: tuple[str, ...] = ("v1",)) -> Written:
    """An image of two layers, one of which is `text`."""
    layer, extra = empty_layer(), Descriptor(f"{OCI}layer.v1.tar", "", 0)
    described = layer.descriptor(f"{OCI}layer.v1.tar+gzip")
    other = of_bytes(_described(text, extra.media_type), text)
    config = Config(config_of("linux/amd64"))
    made = ImageManifest(OCI_MANIFEST, _described(config.data, ""), (described, other.descriptor))
    whole = (of_layer(described, layer), other, of_bytes(made.config, config.data))
    return Written(made, config, whole, {name: f"reg.example/app:{name}" for name in names})


def _described(data: bytes, kind: str) -> Descriptor:
    digest = Tree().put(data, kind)["digest"]
    return Descriptor(kind or f"{OCI}config.v1+json", digest, len(data))


@pytest.fixture(params=["folder", "archive"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where a layout is written, of both kinds."""
    archive = request.param == "archive"
    return Place(tmp_path / ("out.tar" if archive else "out"), archive)


def test_what_was_written_is_read(place: Place) -> None:
    """By its name, and with the same bytes."""
    made = image(text=b"x" * 3_000_000)
    place.write(made, ignore)
    layout = place.look()

    assert layout is not None
    assert layout.image("v1", "linux/amd64").data == made.manifest.data
    assert layout.image(None, "linux/amd64").config.data == made.config.data
    for blob in made.blobs:
        assert b"".join(blob.stream()) == layout.blob(blob.descriptor, 1 << 23)


def test_the_same_image_is_the_same_bytes(tmp_path: Path) -> None:
    """In an archive wholly; in a folder in all files."""
    for name in ("a", "b"):
        Place(tmp_path / name, archive=False).write(image(text=b"1", names=("v2", "v1")), ignore)
        Place(tmp_path / f"{name}.tar", archive=True).write(image(text=b"1"), ignore)

    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()
    one, two = (
        {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*") if path.is_file()}
        for name in "ab"
    )
    assert one == two


def test_an_archive_is_a_tar_as_others_read_it(tmp_path: Path) -> None:
    """Every entry once, owner 0, and no more than the layout."""
    Place(tmp_path / "x.tar", archive=True).write(image(text=b"abc"), ignore)
    with tarfile.open(tmp_path / "x.tar") as archive:
        entries = archive.getmembers()
        files = {one.name for one in entries if one.isreg()}

    assert len(files) == 2 + 4
    assert {"oci-layout", "index.json"} < files
    assert {(one.uid, one.gid, one.uname, one.mtime) for one in entries} == {(0, 0, "", 315532800)}
    assert (tmp_path / "x.tar").stat().st_size % 10240 == 0


def test_a_folder_keeps_its_other_images(tmp_path: Path) -> None:
    """One of the same name is replaced; blobs that are there are not read again."""
    place = Place(a_base(tmp_path / "out", ref="base"), archive=False)
    place.write(image(text=b"1"), ignore)

    def gone() -> Iterator[bytes]:
        raise AssertionError

    second = image(text=b"2")
    there, *more = second.blobs
    place.write(
        Written(
            second.manifest,
            second.config,
            (Blob(there.descriptor, gone), *more),
            {"v1": "x", "v2": "y"},
        ),
        ignore,
    )
    layout = place.look()

    assert layout is not None
    names = [one["annotations"]["org.opencontainers.image.ref.name"] for one in layout.entries]
    assert names == ["base", "v1", "v2"]
    assert layout.image("v1", "linux/amd64").digest == second.manifest.descriptor.digest
    assert layout.image("base", config_platform()).config.directory == "/opt/prefect"


def config_platform() -> str:
    """The platform of the layouts that are made by hand."""
    return Config(config_of()).platform


def test_an_archive_is_of_one_image(tmp_path: Path) -> None:
    """Another one replaces it; a further name of the same is added."""
    place = Place(tmp_path / "x.tar", archive=True)
    for text, name in ((b"1", "old"), (b"2", "v1"), (b"2", "v2")):
        place.write(image(text=text, names=(name,)), ignore)
    layout = place.look()

    assert layout is not None
    assert [one["annotations"]["org.opencontainers.image.ref.name"] for one in layout.entries] == [
        *("v1", "v2")
    ]


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("content", [b"other", b"tex", b"text and more"])
def test_a_blob_that_is_not_what_it_is_called_leaves_all_as_it_was(
    place: Place, tmp_path: Path, content: bytes, *, before: bool
) -> None:
    """Nothing half is there, and nothing beside it."""
    if before:
        place.write(image(text=b"before"), ignore)
    was = listing(tmp_path)
    made = image(text=b"text")
    wrong = Blob(made.blobs[1].descriptor, lambda: iter((content,)))
    blobs = (made.blobs[0], wrong, made.blobs[2])
    with pytest.raises(BadLayout, match="cannot write sha256:"):
        place.write(Written(made.manifest, made.config, blobs, made.names), ignore)

    assert {path: entry[:2] for path, entry in listing(tmp_path).items()} == {
        path: entry[:2] for path, entry in was.items()
    }


def _folder(path: Path) -> None:
    path.mkdir()
    (path / "mine.txt").write_text("mine")


@pytest.mark.parametrize(
    "lies_there",
    [
        lambda path: path.write_text("mine"),
        _folder,
        lambda path: path.mkdir(),
        lambda path: path.symlink_to("nowhere"),
        os.mkfifo,
    ],
)
def test_what_is_no_layout_is_not_touched(
    place: Place, tmp_path: Path, lies_there: Callable[[Path], Any]
) -> None:
    """A file, a folder of somebody's, also an empty one, a link to nothing."""
    lies_there(place.path)
    was = listing(tmp_path)
    with pytest.raises(BadLayout, match="cannot use the layout"):
        place.write(image(), ignore)

    assert listing(tmp_path) == was


@pytest.mark.parametrize("parent", ["nowhere", "file"])
def test_without_a_folder_nothing_is_written(tmp_path: Path, parent: str) -> None:
    """It is told before anything is built."""
    (tmp_path / "file").write_text("")
    for name in ("out", "out.tar"):
        with pytest.raises(ImagebuildError, match="cannot write") as caught:
            Place(tmp_path / parent / name, name.endswith(".tar")).look()
        assert caught.value.hint


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda tree: tree.blobs.clear(), "no such file"),
        (lambda tree: tree.blobs.update(dict.fromkeys(tree.blobs, b"{}")), "that are sha256:"),
        (lambda tree: tree.entries.clear(), "it has no 3, but nothing by name"),
        (lambda tree: tree.entries[0].pop("annotations"), "it has no 3"),
        (lambda tree: tree.entries[0].pop("digest"), "a digest that is none"),
        (lambda tree: tree.entries[0].update(digest="sha256:../../etc/x"), "a digest that is none"),
        (lambda tree: tree.entries[0].update(digest="sha512:" + "a" * 128), "none of SHA-256"),
        (lambda tree: tree.entries[0].update(size=-1), "a descriptor that is not whole"),
        (lambda tree: tree.entries[0].update(size=1 << 40), "larger than"),
        (lambda tree: tree.entries[0].update(size=3), "longer than 3 bytes"),
        (lambda tree: tree.entries[0].update(mediaType="text/plain"), "it has no image for"),
        (lambda tree: tree.entries[0].update(mediaType=f"{OCI}index.v1+json"), "that is called a"),
    ],
)
@pytest.mark.parametrize("archive", [False, True])
def test_a_spoilt_layout_is_told(
    tmp_path: Path, change: Callable[[Tree], object], says: str, *, archive: bool
) -> None:
    """With what is wrong in it; a path is never made of what is no digest."""
    tree = Tree()
    tree.add(tree.manifest(config_of()), "3")
    change(tree)
    root = tree.write(tmp_path / "base")
    where = packed(root, tmp_path / "base.tar") if archive else root
    with pytest.raises(BadLayout) as caught:
        Layout.read(where, archive=archive).image("3", config_platform())

    assert says in str(caught.value).replace("there is no blobs/", "no such file")


def test_several_images_need_a_name(tmp_path: Path) -> None:
    """And they are named."""
    tree = Tree()
    manifest = tree.manifest(config_of())
    layout = Layout.read(
        tree.add(manifest, "a").add(manifest, "b").write(tmp_path / "x"), archive=False
    )
    with pytest.raises(BadLayout, match="it has several images: a, b") as caught:
        layout.image(None, config_platform())

    assert caught.value.hint == "name one of them"
    assert layout.image("b", config_platform()).digest == manifest["digest"]
    with pytest.raises(BadLayout, match="it has no c, but a, b"):
        layout.image("c", config_platform())


def test_an_image_of_another_platform_is_none(tmp_path: Path) -> None:
    """By its own config, whatever the index says."""
    tree = Tree()
    entry = {
        **tree.manifest(config_of("linux/s390x")),
        "platform": {"os": "linux", "architecture": "arm64"},
    }
    layout = Layout.read(tree.add(entry).write(tmp_path / "x"), archive=False)
    with pytest.raises(BadLayout, match=r"no image for linux/arm64, but for linux/s390x"):
        layout.image(None, ARM)


def test_an_index_inside_is_looked_into(tmp_path: Path) -> None:
    """As buildx and docker write one; what attests is no image."""
    tree = Tree()
    two = [
        {
            **tree.manifest(config_of(f"linux/{name}")),
            "platform": {"os": "linux", "architecture": name},
        }
        for name in ("amd64", "arm64")
    ]
    attests = {
        **tree.manifest(config_of("unknown/unknown")),
        "platform": {"os": "unknown", "architecture": "unknown"},
        "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
    }
    tree.add(tree.index(*two, attests), "both").add(tree.index(attests), "none")
    layout = Layout.read(tree.write(tmp_path / "x"), archive=False)

    assert layout.image("both", ARM).digest == two[1]["digest"]
    assert layout.image("both", "linux/arm64/v8").digest == two[1]["digest"]
    with pytest.raises(BadLayout, match="an index for linux/amd64, linux/arm64, and not for"):
        layout.image("both", "linux/s390x")
    with pytest.raises(BadLayout, match=r"it has no image for linux/amd64$|it has no image"):
        layout.image("none", "linux/amd64")


@pytest.mark.parametrize("name", ["oci-layout", "index.json"])
@pytest.mark.parametrize("text", ["", "[]", "{}", "{", "[" * 100_000, None])
def test_a_folder_that_does_not_say_so_is_no_layout(
    tmp_path: Path, name: str, text: str | None
) -> None:
    """It needs both of its files."""
    root = a_base(tmp_path / "x")
    if text is None:
        (root / name).unlink()
    else:
        (root / name).write_text(text)
    with pytest.raises(BadLayout, match="it is no layout"):
        Layout.read(root, archive=False)


def test_a_link_in_an_archive_leads_nowhere(tmp_path: Path) -> None:
    """Neither to a file of this machine nor to another in it."""
    root = a_base(tmp_path / "x")
    secret = tmp_path / "secret.json"
    secret.write_text((root / "index.json").read_text())
    (root / "index.json").unlink()
    (root / "index.json").symlink_to(secret)
    with pytest.raises(BadLayout, match=r"there is no index\.json"):
        Layout.read(packed(root, tmp_path / "x.tar"), archive=True)


def test_an_archive_is_not_unpacked(tmp_path: Path) -> None:
    """Whatever it has for names."""
    root = a_base(tmp_path / "x")
    archive = packed(root, tmp_path / "x.tar")
    with tarfile.open(archive, "a") as made:
        for name in ("../evil", "/evil", "blobs/sha256/../../../evil"):
            entry = tarfile.TarInfo(name)
            entry.size = 4
            made.addfile(entry, io.BytesIO(b"evil"))
    before = listing(tmp_path)
    Layout.read(archive, archive=True).image("3", config_platform())

    assert listing(tmp_path) == before


def test_a_cut_archive_is_told(tmp_path: Path) -> None:
    """As one whose rest never came."""
    archive = packed(a_base(tmp_path / "x"), tmp_path / "x.tar")
    data = archive.read_bytes()
    for size in (0, 100, 1500, len(data) // 2):
        archive.write_bytes(data[:size])
        with pytest.raises(BadLayout):
            Layout.read(archive, archive=True).image("3", config_platform())


def test_dockers_words_become_ocis() -> None:
    """The config and the layers are the same."""
    layers = tuple(
        Descriptor(
            f"application/vnd.docker.image.rootfs.diff.tar{end}", "sha256:" + end[:1] * 64, 1
        )
        for end in (".gzip", "", ".zstd")
    )
    docker = ImageManifest(DOCKER_MANIFEST, Descriptor("x", "sha256:c", 2), layers)
    made = docker.as_oci()

    assert json.loads(made.data)["mediaType"] == OCI_MANIFEST
    assert [one.digest for one in (made.config, *made.layers)] == [
        one.digest for one in (docker.config, *docker.layers)
    ]
    assert [one.media_type for one in made.layers] == [
        f"{OCI}layer.v1.tar{end}" for end in ("+gzip", "", "+zstd")
    ]
    foreign = Descriptor("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "x", 1)
    with pytest.raises(BadManifest, match="foreign"):
        ImageManifest(DOCKER_MANIFEST, docker.config, (foreign,)).as_oci()
