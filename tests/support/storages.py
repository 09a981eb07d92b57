"""Emulators of S3, Google's and Azure's storage, where containers reach them as well as we do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import urllib3
from azure.storage.blob import BlobServiceClient

from tests.support import SetupError
from tests.support.azurite import azurite
from tests.support.processes import background, free_port, wait_until
from tests.support.proxies import recording_http
from tests.support.serving import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.proxies import RecordingProxy

# The one account that Azurite has, with the key that everybody knows:
# https://learn.microsoft.com/azure/storage/common/storage-use-azurite
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
AWS_SECRET = "a-secret-that-nobody-may-see"
_HTTP = urllib3.PoolManager(timeout=30, retries=False)
# moto reads who asks, and checks nothing.
_SIGNED = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=AKIATESTS/20260101/us-east-1/s3/aws4_request, "
    "SignedHeaders=host, Signature=0"
}


@dataclass(frozen=True)
class Storage:
    """A service that runs: how its code is addressed, and what tells who is asking for it.

    `proxy` stands before it and keeps what is asked; `objects` is the path of what an object is
    read by. `env` leads a process there that has no block of credentials; `block` is the type of
    such a block, and `values` what it holds. `extra` is what a run's environment needs even with
    one. `reference` is what a user says where there is no block, if anything.
    """

    name: str
    scheme: str
    url: str
    proxy: RecordingProxy = field(repr=False)
    objects: str
    put: Callable[[str, str, bytes], None] = field(repr=False)
    make: Callable[[str], None] = field(repr=False)
    block: str
    values: dict[str, Any] = field(repr=False)
    env: dict[str, str] = field(default_factory=dict, repr=False)
    extra: dict[str, str] = field(default_factory=dict)
    reference: str | None = None

    def address(self, bucket: str, folder: str) -> str:
        """What a user gives as the source."""
        return f"{self.scheme}://{bucket}/{folder}"

    def fill(self, bucket: str, root: Path, folder: str) -> None:
        """Make a bucket that has the files of a folder."""
        self.make(bucket)
        for path in sorted(root.rglob("*")):
            if path.is_file():
                key = f"{folder}/{path.relative_to(root).as_posix()}"
                self.put(bucket, key, path.read_bytes())

    def source(self, bucket: str, folder: str) -> list[str]:
        """The options that name the code where there is no block."""
        more = ["--source-credentials", self.reference] if self.reference else []
        return ["--source", self.address(bucket, folder), *more]

    def read(self) -> list[str]:
        """The objects that were read since somebody last cleared the proxy."""
        return [request.path for request in self.proxy.asked("GET", self.objects)]


@contextmanager
def s3(host: str, folder: Path, **settings: str) -> Iterator[Storage]:
    """Run moto's server; `settings` are of its environment."""
    port = free_port(host)
    argv = [sys.executable, "-m", "moto.server", "-H", host, "-p", str(port)]
    with _before("S3", host, port, argv, folder / "moto.log", settings) as (proxy, url):

        def send(path: str, body: bytes = b"") -> None:
            _answered("PUT", f"http://{host}:{port}/{path}", body, _SIGNED)

        key = {"aws_access_key_id": "AKIATESTS", "aws_secret_access_key": AWS_SECRET}
        yield Storage(
            *("s3", "s3", url, proxy),
            objects=r"/[^/?]+/[^?]+(\?.*)?",
            put=lambda bucket, key, data: send(f"{bucket}/{_quoted(key)}", data),
            make=send,
            block="aws-credentials",
            values={**key, "aws_client_parameters": {"endpoint_url": url}},
            env={
                "AWS_ENDPOINT_URL": url,
                "AWS_DEFAULT_REGION": "us-east-1",
                **{name.upper(): value for name, value in key.items()},
            },
        )


@contextmanager
def gcs(host: str, folder: Path) -> Iterator[Storage]:
    """Run an emulator, and a server of tokens beside it, since it asks for none."""
    port = free_port(host)
    program = Path(sys.executable).with_name("gcp-storage-emulator")
    argv = [str(program), "start", "--host", host, "--port", str(port), "--in-memory"]
    with (
        _before("Google's storage", host, port, argv, folder / "gcs.log") as (proxy, url),
        running(ThreadingHTTPServer((host, 0), _Tokens)) as tokens,
    ):

        def send(path: str, body: bytes, kind: str) -> None:
            _answered("POST", f"http://{host}:{port}/{path}", body, {"Content-Type": kind})

        def make(bucket: str) -> None:
            body = json.dumps({"name": bucket}).encode()
            send("storage/v1/b?project=tests", body, "application/json")

        def put(bucket: str, key: str, data: bytes) -> None:
            path = f"upload/storage/v1/b/{bucket}/o?uploadType=media&name={_quoted(key)}"
            send(path, data, "application/octet-stream")

        account = {
            "type": "service_account",
            "project_id": "tests",
            "client_email": "tests@example.com",
            "private_key": _rsa_key(),
            "token_uri": f"http://{host}:{tokens.server_address[1]}/token",
        }
        # gcsfs asks by gRPC of which type a bucket is, which the emulator does not speak.
        extra = {"STORAGE_EMULATOR_HOST": url, "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false"}
        yield Storage(
            *("gcs", "gs", url, proxy),
            objects=r"/download/.*|.*[?&]alt=media.*",
            put=put,
            make=make,
            block="gcp-credentials",
            values={"service_account_info": account, "project": "tests"},
            env=extra,
            extra=extra,
        )


@contextmanager
def azure(host: str, folder: Path) -> Iterator[Storage]:
    """Run Azurite."""
    port = free_port(host)
    own = ["--blobHost", host, "--blobPort", str(port), "--location", str(folder / "azurite")]
    argv = [*azurite(), *own, "--loose", "--skipApiVersionCheck", "--disableTelemetry"]
    with (
        _before("Azurite", host, port, argv, folder / "azurite.log") as (proxy, url),
        BlobServiceClient.from_connection_string(
            connection_string(f"http://{host}:{port}")
        ) as client,
    ):

        def make(bucket: str) -> None:
            client.create_container(bucket)

        def put(bucket: str, key: str, data: bytes) -> None:
            client.get_blob_client(bucket, key).upload_blob(data, overwrite=True)

        yield Storage(
            *("azure", "az", url, proxy),
            objects=rf"/{ACCOUNT}/[^/?]+/[^?]+(\?.*)?",
            put=put,
            make=make,
            block="azure-blob-storage-credentials",
            values={"connection_string": connection_string(url)},
            env={"AZURE": connection_string(url)},
            reference="env:AZURE",
        )


def connection_string(url: str, key: str = ACCOUNT_KEY) -> str:
    """What Azure's library signs in with."""
    return (
        f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={key};"
        f"BlobEndpoint={url}/{ACCOUNT};"
    )


@contextmanager
def all_storages(host: str, folder: Path) -> Iterator[dict[str, Storage]]:
    """Run the three until the block ends; by their names."""
    with ExitStack() as stack:
        yield {run.__name__: stack.enter_context(run(host, folder)) for run in (s3, gcs, azure)}


class _Tokens(BaseHTTPRequestHandler):
    """Gives whoever asks a token: https://developers.google.com/identity/protocols/oauth2."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = {"access_token": "a-token", "expires_in": 3600, "token_type": "Bearer"}
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@contextmanager
def _before(
    what: str,
    host: str,
    port: int,
    argv: list[str],
    log: Path,
    settings: dict[str, str] | None = None,
) -> Iterator[tuple[RecordingProxy, str]]:
    """Run an emulator, and put a proxy before it; the URL is the proxy's."""
    address = f"{host}:{port}"

    def answers() -> bool:
        try:
            return bool(_HTTP.request("GET", f"http://{address}/").status)
        except urllib3.exceptions.HTTPError:
            return False

    with background(argv, log, {**os.environ, **(settings or {})}) as process:
        wait_until(answers, what, 60, process, log)
        with recording_http(address, host) as (proxy, own):
            yield proxy, f"http://{own}"


def _answered(method: str, url: str, body: bytes, headers: dict[str, str]) -> None:
    answer = _HTTP.request(method, url, body=body, headers=headers)
    if answer.status >= 400:
        message = f"{method} {url}: {answer.status} {answer.data.decode(errors='replace')[:500]}"
        raise SetupError(message)


def _quoted(key: str) -> str:
    """A key in which nobody finds a path to tidy up."""
    return quote(key, safe="").replace(".", "%2E")


def _rsa_key() -> str:
    argv = ["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout
