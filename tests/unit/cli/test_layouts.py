"""`build --builder oci --output`, on a base in a layout: no engine, no registry, no network."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from imagebuild.cli import main
from imagebuild.oci.layouts import Layout
from imagebuild.platforms import of_this_machine
from tests.support.command import listing
from tests.unit.layouts import Tree, a_base, config_of, packed
from tests.unit.values import write

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagebuild.oci.remote import RemoteImage

    Captured = pytest.CaptureFixture[str]

FLOW = "from prefect import flow\n\n@flow\ndef hello(): ...\n"
BUILD = ("build", "--builder", "oci", "--image", "app:v1")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A flow that needs nothing, where the user stands, and a base beside it."""
    root = write(tmp_path / "app", {"flow.py": FLOW})
    a_base(tmp_path / "base")
    monkeypatch.chdir(root)
    return root


def build(*more: str, output: str = "../out", base: str = "oci:../base") -> int:
    """Build on it, and write there."""
    return main([*BUILD, "--output", output, "--base", base, *more])


def image(path: str = "../out", ref: str = "v1") -> RemoteImage:
    """What is in the layout now."""
    return Layout.read(Path(path), archive=path.endswith(".tar")).image(ref, of_this_machine())


def names_in(layer: bytes) -> list[tuple[str, int, int, str]]:
    """The entries of a layer."""
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(layer))) as archive:
        return [(one.name, one.mode, one.uid, one.type.decode()) for one in archive]


def test_the_base_the_codes_directory_and_the_code(capsys: Captured) -> None:
    """In this order, and said in the config; on stdout is what skopeo calls it."""
    assert build("--env", "A=1", "--directory", "deep/app") == 0
    made = image()
    layout = Layout.read(Path("../out"), archive=False)
    _, folders, code = (layout.blob(one, 1 << 20) for one in made.manifest.layers)

    assert capsys.readouterr().out == "oci:../out:v1\n"
    assert names_in(folders) == [
        ("opt/prefect/deep", 0o755, 0, "5"),
        ("opt/prefect/deep/app", 0o755, 0, "5"),
    ]
    assert names_in(code) == [("opt/prefect/deep/app/flow.py", 0o644, 0, "0")]
    assert made.config.directory == "/opt/prefect/deep/app"
    assert made.config.env == ("PATH=/bin", "A=1")
    assert "/base" not in json.dumps(made.config.value)
    labels = made.config.labels
    assert "org.opencontainers.image.base.name" not in labels
    base = Layout.read(Path("../base"), archive=False)
    assert labels["org.opencontainers.image.base.digest"] == base.entries[0]["digest"]


@pytest.mark.parametrize("output", ["../out", "../out.tar"])
def test_what_is_there_is_not_written_again(project: Path, capsys: Captured, output: str) -> None:
    """A change of the code is; the environment is taken from what is there."""
    assert build(output=output) == 0
    was = listing(project.parent)
    assert build(output=output) == 0
    assert listing(project.parent) == was
    assert "nothing changed" in capsys.readouterr().err

    (project / "flow.py").write_text(f"{FLOW}# more\n")
    before = image(output)
    assert build("--base", "oci:../base", output=output) == 0
    after = image(output)

    assert "found in oci" in capsys.readouterr().err
    assert before.manifest.layers[:2] == after.manifest.layers[:2]
    assert before.digest != after.digest


def test_a_further_name_is_added_to_what_is_there(capsys: Captured) -> None:
    """Nothing is built for it."""
    for output in ("../out", "../out.tar"):
        assert build(output=output) == 0
        assert build("--tag", "latest", output=output) == 0
        assert image(output, "v1").digest == image(output, "latest").digest
    assert "not built" in capsys.readouterr().err


@pytest.mark.parametrize("base", ["oci:../base", "oci:../base:3", "oci-archive:../base.tar:3"])
def test_a_base_is_the_same_wherever_it_lies(project: Path, base: str) -> None:
    """In a folder or an archive, named or the only one; so is what is built on it."""
    packed(project.parent / "base", project.parent / "base.tar")
    assert build(output="../one.tar") == 0
    assert build(output="../two.tar", base=base) == 0

    assert Path("../one.tar").read_bytes() == Path("../two.tar").read_bytes()


def test_the_document_has_it(capsys: Captured) -> None:
    """And what reads it goes no further: the image is in no registry."""
    assert build("--json", "--json-file", "../image.json") == 0
    document = json.loads(capsys.readouterr().out)

    assert document["reference"] == "oci:../out:v1"
    assert document["names"] == ["app:v1"]
    assert document["digest"] == image().digest
    assert main(["record", "--from", "../image.json"]) == 2
    told = capsys.readouterr().err
    assert "its image is written to oci:../out:v1, and to no registry" in told
    assert "hint: push it: skopeo copy oci:../out:v1 docker://app:v1" in told


def test_the_plan_says_nothing_of_this_machine(capsys: Captured) -> None:
    """The base is what its manifest is."""
    assert main(["plan", "--builder", "oci", "--base", "oci:../base", "--json"]) == 0
    plan = capsys.readouterr().out

    assert json.loads(plan)["environment"]["base"]["digest"] in (
        Path("../base/index.json").read_text()
    )
    assert "../base" not in plan


def test_the_settings_may_say_it(project: Path, capsys: Captured) -> None:
    """As of every other option."""
    (project / "imagebuild.toml").write_text(
        'builder = "oci"\noutput = "../saved"\nbase = "oci:../base"\nimage = "app:v2"\n'
    )
    assert main(["build"]) == 0
    assert capsys.readouterr().out == "oci:../saved:v2\n"


USAGE: dict[str, tuple[tuple[str, ...], str]] = {
    "with --push": ((*BUILD, "--output", "x", "--push"), "cannot use --output with --push"),
    "without a builder": (("build", "--output", "x"), "cannot use --output x with --builder auto"),
    **{
        f"with {builder}": (
            ("build", "--output", "x", "--builder", builder),
            f"cannot use --output x with --builder {builder}",
        )
        for builder in ("docker", "classic")
    },
    "with a colon": ((*BUILD, "--output", "a:b"), "cannot use --output a:b"),
    "empty": ((*BUILD, "--output", ""), "cannot use --output ''"),
    **{
        f"{base} with {builder}": (
            ("build", "--base", base, "--builder", builder),
            f"cannot use --base {base} with --builder {builder}",
        )
        for base in ("oci:../base", "oci-archive:x.tar:1")
        for builder in ("auto", "docker", "classic")
    },
    "a base of deploy": (("deploy", "--base", "oci:../base"), "with --builder auto"),
    "a base of render": (("render", "--base", "oci:../base"), "cannot use --base oci:../base here"),
}


@pytest.mark.parametrize(("arguments", "says"), USAGE.values(), ids=USAGE)
def test_what_cannot_be_meant_is_told(
    project: Path, arguments: tuple[str, ...], says: str, capsys: Captured
) -> None:
    """Before anything is done."""
    was = listing(project.parent)
    assert main([*arguments]) == 2
    assert says in capsys.readouterr().err
    assert listing(project.parent) == was


def _requirements(root: Path) -> None:
    (root / "app" / "requirements.txt").write_text("emoji\n")


def _rebuilt(root: Path, name: str = "base", **run: Any) -> None:
    (root / name).rename(root / "old")
    a_base(root / name, **run)


def _two(root: Path) -> None:
    tree = Tree()
    manifest = tree.manifest(config_of())
    tree.add(manifest, "a").add(manifest, "b").write(root / "two")


def _attestations(root: Path) -> None:
    tree = Tree()
    attests = {"annotations": {"vnd.docker.reference.type": "attestation-manifest"}}
    tree.add(tree.index({**tree.manifest(config_of()), **attests})).write(root / "attests")


def _no_blob(root: Path) -> None:
    layer = next(path for path in (root / "base/blobs/sha256").iterdir() if _is_gzip(path))
    layer.unlink()


def _other_blob(root: Path) -> None:
    layer = next(path for path in (root / "base/blobs/sha256").iterdir() if _is_gzip(path))
    layer.write_bytes(b"\x1f" * layer.stat().st_size)


def _is_gzip(path: Path) -> bool:
    return path.read_bytes()[:2] == b"\x1f\x8b"


def _nothing(root: Path) -> None:
    pass


BAD: dict[str, tuple[Callable[[Path], None], dict[str, str], int, tuple[str, ...]]] = {
    "something to install": (
        _requirements,
        {},
        2,
        ("cannot build app:v1 without Docker", "line 4: COPY needs", "hint: dep"),
    ),
    "ONBUILD": (
        lambda root: _rebuilt(root, OnBuild=["RUN make"]),
        {},
        2,
        ("in each build on it: RUN make",),
    ),
    "another base than Prefect's": (
        lambda root: _rebuilt(root, WorkingDir="/srv"),
        {},
        2,
        ("working directory is /srv, not",),
    ),
    "no base": (_nothing, {"base": "oci:../gone"}, 2, ("layout", "gone", "no such file")),
    "no archive": (_nothing, {"base": "oci-archive:../base"}, 2, ("base is no file",)),
    "a file for a base": (_nothing, {"base": "oci:flow.py"}, 2, ("it is no layout",)),
    "no such ref": (_nothing, {"base": "oci:../base:4"}, 2, ("it has no 4, but 3",)),
    "several": (_two, {"base": "oci:../two"}, 2, ("several images: a, b", "hint: name one")),
    "attestations alone": (_attestations, {"base": "oci:../attests"}, 2, ("has no image for",)),
    "a missing layer": (_no_blob, {}, 1, ("cannot use the layout", "no such file")),
    "another layer": (_other_blob, {}, 1, ("cannot use the layout", "that are sha256:")),
    "an output in nowhere": (_nothing, {"output": "../gone/out"}, 1, ("cannot write", "hint: ")),
    "an output in a file": (_nothing, {"output": "flow.py/out"}, 1, ("not a directory",)),
    "an output that is a file": (_nothing, {"output": "flow.py"}, 1, ("it is no layout",)),
    "an output that is a folder": (_nothing, {"output": "."}, 1, ("it is no layout",)),
    "an archive that is a folder": (
        lambda root: (root / "x.tar").mkdir(),
        {"output": "../x.tar"},
        1,
        ("x.tar is no file",),
    ),
    "an archive that is a file": (
        lambda root: (root / "x.tar").touch(),
        {"output": "../x.tar"},
        1,
        ("it is no layout",),
    ),
}


@pytest.mark.parametrize(("before", "paths", "code", "says"), BAD.values(), ids=BAD)
def test_what_is_bad_is_told_and_leaves_nothing(
    project: Path,
    capsys: Captured,
    before: Callable[[Path], None],
    paths: dict[str, str],
    code: int,
    says: tuple[str, ...],
) -> None:
    """With its cause; and all is as it was."""
    before(project.parent)
    was = {path: entry[:2] for path, entry in listing(project.parent).items()}
    ran = build(**paths)
    told = capsys.readouterr().err

    assert ran == code, told
    assert [text for text in says if text not in told] == []
    assert {path: entry[:2] for path, entry in listing(project.parent).items()} == was


def test_an_unknown_platform_is_told(capsys: Captured) -> None:
    """By what there is instead."""
    assert build("--platform", "linux/s390x") == 2
    assert f"no image for linux/s390x, but for {of_this_machine()}" in capsys.readouterr().err


def test_a_base_that_is_our_own_image_needs_a_builder(capsys: Captured) -> None:
    """Its working directory is the code's, and what is below, nobody knows."""
    assert build() == 0
    assert build(output="../second", base="oci:../out:v1") == 2
    assert "the base's working directory is /opt/prefect/app" in capsys.readouterr().err


def test_an_image_that_is_kept_nowhere_is_not_built(capsys: Captured) -> None:
    """Neither pushed nor written: that is said instead."""
    assert main([*BUILD, "--base", "oci:../base"]) == 2
    told = capsys.readouterr().err
    assert "cannot build app:v1 without Docker, and without pushing it" in told
    assert "hint: give --push, or write it: build --output PATH" in told


def test_prefects_own_entrypoint_stays(capsys: Captured) -> None:
    """A directory in its place would take it away."""
    assert build("--directory", "entrypoint.sh/app") == 2
    assert "whether the base has /opt/prefect/entrypoint.sh/app" in capsys.readouterr().err


def test_a_directory_elsewhere_needs_a_builder(capsys: Captured) -> None:
    """A link on the way would be lost."""
    assert build("--directory", "/srv/app") == 2
    assert "whether the base has /srv/app, and as what" in capsys.readouterr().err
