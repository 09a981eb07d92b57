"""A folder of a storage: listed, fetched, kept, and how a run fetches it."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import fsspec
import pytest
from fsspec.registry import _registry, known_implementations
from fsspec.spec import AbstractFileSystem

from imagebuild.errors import Denied, ImagebuildError, Unreachable, UsageError
from imagebuild.request import SourceRequest
from imagebuild.sources.blob import BlobSource, open_blob
from imagebuild.sources.kept import Kept

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CANARY = "canary-of-a-secret"
ENV = {"PATH": os.environ["PATH"], "KEY": f'{{"private_key": "{CANARY}"}}'}


class Bucket(AbstractFileSystem):  # type: ignore[misc]
    """One that counts what it is asked, and does as a test wants."""

    protocol = "gs"
    objects: ClassVar[dict[str, bytes]] = {}
    fetched: ClassVar[list[str]] = []
    marked: ClassVar[bool] = True
    dated: ClassVar[bool] = False
    lists: ClassVar[int] = 0
    raises: ClassVar[Exception | None] = None
    gone: ClassVar[set[str]] = set()
    written: ClassVar[dict[str, bytes]] = {}

    def find(self, path: str, *_: Any, **__: Any) -> dict[str, dict[str, Any]]:
        Bucket.lists += 1
        if self.raises:
            raise self.raises
        return {
            f"team/{key}": {"size": len(content), "type": "file"}
            | ({"ETag": repr(content)} if self.marked else {})
            | ({"LastModified": "yesterday"} if self.dated else {})
            for key, content in self.objects.items()
            if f"team/{key}".startswith(path)
        }

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[str]:
        if path != "team":
            raise FileNotFoundError(path)
        return sorted({f"team/{key.split('/')[0]}" for key in self.objects})

    def get_file(self, rpath: str, lpath: str, *_: Any, **__: Any) -> None:
        key = rpath.removeprefix("team/")
        self.fetched.append(key)
        if key in self.gone:
            raise FileNotFoundError(rpath)
        Path(lpath).write_bytes(self.objects[key])
        self.objects.update(self.written)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Bucket]]:
    """Give a bucket `team` with a project in `flows`, for gs://."""
    monkeypatch.setitem(_registry, "gs", Bucket)
    fresh: dict[str, Any] = {
        "objects": {
            "flows/flow.py": b"one",
            "flows/a/b.py": b"two",
            "flows/a/": b"",
            "flows-2/x": b"",
        },
        "fetched": [],
        "marked": True,
        "dated": False,
        "lists": 0,
        "raises": None,
        "gone": set(),
        "written": {},
    }
    for name, value in fresh.items():
        setattr(Bucket, name, value)
    return Bucket


def opened(folder: Path | None, address: str = "gs://team/flows", **said: Any) -> BlobSource:
    """A source of that address."""

    def read_block(kind: str, name: str) -> Mapping[str, Any] | None:
        return {"service_account_info": {"private_key": CANARY}}

    return open_blob(SourceRequest(address, **said), Path(), Kept(folder), ENV, read_block)


def files(source: BlobSource) -> dict[str, str]:
    """What a checkout has, by path."""
    with source.checkout() as checkout:
        assert checkout.commit is None
        root = checkout.root
        return {
            path.relative_to(root).as_posix(): path.read_text()
            for path in sorted(root.rglob("*"))
            if path.is_file()
        }


def test_what_did_not_change_is_not_fetched_again(bucket: type[Bucket], tmp_path: Path) -> None:
    """Only listed; and of what did, only what differs."""
    wanted = {"a/b.py": "two", "flow.py": "one"}
    assert files(opened(tmp_path)) == wanted
    assert sorted(bucket.fetched) == ["flows/a/b.py", "flows/flow.py"]
    bucket.fetched.clear()
    bucket.lists = 0
    assert files(opened(tmp_path)) == wanted
    assert (bucket.fetched, bucket.lists) == ([], 1)
    bucket.objects["flows/flow.py"] = b"new"
    assert files(opened(tmp_path)) == wanted | {"flow.py": "new"}
    assert bucket.fetched == ["flows/flow.py"]


def test_what_somebody_took_out_of_a_kept_folder_is_fetched_again(
    bucket: type[Bucket], tmp_path: Path
) -> None:
    """Or cut short: it would be baked as what the storage has."""
    with opened(tmp_path).checkout() as checkout:
        (checkout.root / "flow.py").unlink()
        (checkout.root / "a" / "b.py").write_text("t")
    assert files(opened(tmp_path)) == {"a/b.py": "two", "flow.py": "one"}


def test_where_nothing_can_be_kept_only_the_storage_is_read(
    bucket: type[Bucket], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folders for what is temporary are everybody's: what lies there is nobody's word."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    with opened(tmp_path / "kept").checkout() as checkout:
        shutil.copytree(checkout.root.parent, tmp_path / "tmp" / "planted")
    (tmp_path / "tmp" / "planted" / "flows" / "flow.py").write_text("bad")
    wanted = {"a/b.py": "two", "flow.py": "one"}

    assert files(opened(Path("/dev/null/kept"))) == wanted
    assert files(opened(None)) == wanted


def test_without_marks_everything_is_fetched_each_time(
    bucket: type[Bucket], tmp_path: Path
) -> None:
    """The size alone tells too little."""
    bucket.marked = False
    files(opened(tmp_path))
    bucket.objects["flows/flow.py"] = b"eno"
    assert files(opened(tmp_path))["flow.py"] == "eno"
    assert len(bucket.fetched) == 4


def test_files_are_plain_and_the_folder_has_the_prefixes_name(
    bucket: type[Bucket], tmp_path: Path
) -> None:
    """No matter who fetches them."""
    before = os.umask(0o077)
    try:
        with opened(None).checkout() as checkout:
            assert checkout.name == checkout.root.name == "flows"
            assert (checkout.root / "flow.py").stat().st_mode & 0o777 == 0o644
    finally:
        os.umask(before)
    assert not checkout.root.exists()
    with opened(tmp_path, "gs://team").checkout() as checkout:
        assert checkout.name == "team"
        assert (checkout.root / "flows" / "flow.py").is_file()


@pytest.mark.parametrize(
    "key", ["../x", "a/../../x", "/x", "a//b", "./x", "a/.", "a\x1bb", "a/b.py/c", "flow.py/"]
)
def test_a_key_that_is_no_path_in_the_folder_is_refused(
    key: str, bucket: type[Bucket], tmp_path: Path
) -> None:
    """By its name, and nothing is fetched."""
    bucket.objects[f"flows/{key}"] = b"bad"
    with pytest.raises(UsageError, match="cannot write the object"):
        files(opened(tmp_path))
    assert (bucket.fetched, list(tmp_path.iterdir())) == ([], [])


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"gone": {"flows/flow.py"}}, "is gone"),
        ({"written": {"flows/flow.py": b"other"}}, "changed while it was read"),
        ({"written": {"flows/later.py": b"later"}}, "somebody wrote to it"),
    ],
)
def test_of_what_changes_while_it_is_read_nothing_is_kept(
    wrong: dict[str, Any], reason: str, bucket: type[Bucket], tmp_path: Path
) -> None:
    """The next time, it is read anew."""
    for name, value in wrong.items():
        setattr(bucket, name, value)
    with pytest.raises(ImagebuildError, match=f"(?s)changed while it was read.*{reason}|{reason}"):
        files(opened(tmp_path))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("end", ["raised", "killed"])
def test_what_was_interrupted_goes_on_where_it_stopped(
    end: str, bucket: type[Bucket], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What was whole by then is not fetched again, and nothing is left when all is there."""
    bucket.dated = True
    bucket.gone = {"flows/flow.py"}
    if end == "killed":  # then nobody tidies up
        monkeypatch.setattr(Path, "rename", lambda *_: None)
        monkeypatch.setattr("shutil.rmtree", lambda *_, **__: None)
    with pytest.raises(ImagebuildError, match="is gone"):
        files(opened(tmp_path))
    monkeypatch.undo()
    monkeypatch.setitem(_registry, "gs", Bucket)
    assert sorted(bucket.fetched) == ["flows/a/b.py", "flows/flow.py"]
    bucket.fetched.clear()
    bucket.gone = set()
    assert files(opened(tmp_path)) == {"a/b.py": "two", "flow.py": "one"}
    assert bucket.fetched == ["flows/flow.py"]
    left = [path.name for path in tmp_path.rglob(".*") if end == "raised"]
    assert left == []


def test_what_was_interrupted_and_then_written_to_is_fetched_again(
    bucket: type[Bucket], tmp_path: Path
) -> None:
    """Even if its mark is the same: what was fetched may have been something between."""
    bucket.dated = True
    bucket.gone = {"flows/flow.py"}
    with pytest.raises(ImagebuildError, match="is gone"):
        files(opened(tmp_path))
    bucket.dated = False
    bucket.gone = set()
    bucket.fetched.clear()
    files(opened(tmp_path))
    assert sorted(bucket.fetched) == ["flows/a/b.py", "flows/flow.py"]


class NoCredentialsError(Exception):
    """As botocore calls it."""


class EndpointConnectionError(Exception):
    """As botocore calls it."""


class HttpError(Exception):
    """As gcsfs calls it."""

    code = 403


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (PermissionError(f"no {CANARY}"), Denied),
        (NoCredentialsError(f"no {CANARY}"), Denied),
        (HttpError(f"no {CANARY}"), Denied),
        (OSError(f"Forbidden: no {CANARY}"), Denied),
        (EndpointConnectionError(f"no {CANARY}"), Unreachable),
        (ConnectionResetError(f"no {CANARY}"), Unreachable),
        (OSError(f"no {CANARY}"), ImagebuildError),
        (ValueError(f"no {CANARY}"), ImagebuildError),
        (FileNotFoundError(f"no {CANARY}"), UsageError),
    ],
)
def test_errors_are_ours_and_tell_no_secret(
    raised: Exception, kind: type[ImagebuildError], bucket: type[Bucket], tmp_path: Path
) -> None:
    """They name the place, and the reference."""
    bucket.raises = raised
    for credentials in ("env:KEY", "block://gcp-credentials/dev"):
        with pytest.raises(ImagebuildError) as error:
            files(opened(tmp_path, credentials=credentials))
        assert type(error.value) is kind
        assert "gs://team/flows" in str(error.value)
        assert CANARY not in str(error.value)
        assert kind is not Denied or credentials in str(error.value)


def test_a_folder_may_be_called_as_our_own_file_is(bucket: type[Bucket], tmp_path: Path) -> None:
    """Then nothing is reused."""
    bucket.objects["revision.json/flow.py"] = b"one"
    assert files(opened(tmp_path, "gs://team/revision.json")) == {"flow.py": "one"}


def test_azure_wants_to_know_the_account(
    bucket: type[Bucket], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where neither the address nor credentials tell it, the hint does."""
    monkeypatch.setitem(_registry, "az", Bucket)
    bucket.raises = ValueError("no account")
    with pytest.raises(ImagebuildError, match=r"hint: write abfss://CONTAINER@ACCOUNT"):
        files(opened(tmp_path, "az://team/flows"))


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("gs://team/flow", r"did you mean 'flows'"),
        ("gs://team/flows/a/c", r"there is nothing in gs://team/flows/a/c"),
        ("gs://other", r"there is no gs://other"),
        ("gs://team/flows/flow.py", r"is one object"),
    ],
)
def test_where_there_is_nothing_the_nearest_is_named(
    address: str, words: str, bucket: type[Bucket], tmp_path: Path
) -> None:
    """Or what is wrong with the address."""
    with pytest.raises(UsageError, match=words):
        files(opened(tmp_path, address))


@pytest.mark.parametrize(
    ("address", "extra"), [("s3a://team", "s3"), ("gcs://team", "gcs"), ("abfs://team", "azure")]
)
def test_a_missing_library_is_named_by_the_line_that_installs_it(
    address: str, extra: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Exactly."""
    known = {"class": "no_such_library.System", "err": "Install it"}
    protocol = address.partition(":")[0]
    monkeypatch.setitem(known_implementations, protocol, known)
    monkeypatch.delitem(_registry, protocol, raising=False)
    with pytest.raises(UsageError) as error:
        files(opened(tmp_path, address))
    assert error.value.hint == f"pip install 'flow-imagebuild[{extra}]'"


def test_a_protocol_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    """With those that are known best."""
    with pytest.raises(UsageError, match=r"(?s)Protocol not known: nosuch.*s3://"):
        files(opened(tmp_path, "nosuch://team"))


def test_any_file_system_of_fsspecs_will_do(tmp_path: Path) -> None:
    """One in memory, for one; no run could fetch that."""
    memory = fsspec.filesystem("memory")
    memory.pipe("/imagebuild-test/flows/flow.py", b"one")
    memory.pipe("/imagebuild-test/flows/a/b.py", b"two")
    try:
        source = opened(tmp_path, "memory://imagebuild-test/flows")
        assert files(source) == {"flow.py": "one", "a/b.py": "two"}
    finally:
        memory.rm("/imagebuild-test", recursive=True)
    with pytest.raises(UsageError, match="in the memory of this process"):
        source.pulled()


@pytest.mark.parametrize("said", [{"submodules": True}, {"directories": ("a",)}])
def test_what_is_of_git_alone_is_refused(said: dict[str, Any], tmp_path: Path) -> None:
    """Rather than ignored."""
    with pytest.raises(UsageError, match="are of a repository"):
        opened(tmp_path, **said)


REMOTE = "prefect.deployments.steps.pull_from_remote_storage"


@pytest.mark.parametrize(
    ("address", "credentials", "step", "inputs", "library"),
    [
        (
            "s3://team/flows",
            "block://aws-credentials/dev",
            "prefect_aws.deployments.steps.pull_from_s3",
            {
                "requires": "prefect-aws>=0.5",
                "bucket": "team",
                "folder": "flows/",
                "credentials": "{{ prefect.blocks.aws-credentials.dev }}",
            },
            "prefect-aws>=0.5",
        ),
        (
            "gs://team",
            "block://gcp-credentials/dev",
            "prefect_gcp.deployments.steps.pull_from_gcs",
            {
                "requires": "prefect-gcp>=0.6",
                "bucket": "team",
                "folder": "",
                "credentials": "{{ prefect.blocks.gcp-credentials.dev }}",
            },
            "prefect-gcp>=0.6",
        ),
        (
            "az://team/flows",
            "block://azure-blob-storage-credentials/dev",
            "prefect_azure.deployments.steps.pull_from_azure_blob_storage",
            {
                "requires": "prefect-azure[blob_storage]>=0.4",
                "container": "team",
                "folder": "flows/",
                "credentials": "{{ prefect.blocks.azure-blob-storage-credentials.dev }}",
            },
            "prefect-azure[blob_storage]>=0.4",
        ),
        ("s3://team/flows", None, REMOTE, {"url": "s3://team/flows"}, "s3fs"),
        ("gs://team/flows", None, REMOTE, {"url": "gs://team/flows"}, "gcsfs"),
        (
            "abfss://team@acme.dfs.core.windows.net/flows",
            None,
            REMOTE,
            {"url": "abfss://team/flows", "account_name": "acme"},
            "adlfs",
        ),
        (
            "az://team/flows",
            "env:KEY",
            REMOTE,
            {"url": "az://team/flows", "connection_string": "{{ $KEY }}"},
            "adlfs",
        ),
        (
            "gs://team/flows",
            "block://secret/key",
            REMOTE,
            {"url": "gs://team/flows", "token": "{{ prefect.blocks.secret.key }}"},
            "gcsfs",
        ),
    ],
)
def test_a_run_fetches_it_by_itself(
    address: str,
    credentials: str | None,
    step: str,
    inputs: dict[str, Any],
    library: str,
    tmp_path: Path,
) -> None:
    """With Prefect's own steps; where secrets are is told, and none of them."""
    pulled = opened(tmp_path, address, credentials=credentials).pulled()
    assert pulled.steps == ({step: {"id": "pull_code", **inputs}},)
    assert (pulled.libraries, pulled.folder) == ((library,), None)
    assert CANARY not in repr(pulled)


def test_a_run_cannot_read_googles_credentials_from_a_variable(tmp_path: Path) -> None:
    """They are text there, which gcsfs takes for a token."""
    with pytest.raises(UsageError, match="block://gcp-credentials/NAME"):
        opened(tmp_path, credentials="env:KEY").pulled()


def test_a_run_cannot_fetch_from_what_is_opened_by_its_host(tmp_path: Path) -> None:
    """Prefect's step takes the host for a bucket."""
    with pytest.raises(UsageError, match=r"(?s)cannot fetch ftp://.*it is a host.*bake"):
        opened(tmp_path, "ftp://127.0.0.1:2121/flows").pulled()
