"""What a storage's library raised, in our words. Its classes go by name: none is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagebuild.errors import Denied, ImagebuildError, Unreachable, UsageError
from imagebuild.printable import printable
from imagebuild.sources.blob_address import AZURE, GCS, S3
from imagebuild.sources.blob_options import secrets_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from imagebuild.sources.blob_address import BlobAddress
    from imagebuild.sources.references import Reference

_EXTRAS = {S3: "s3", GCS: "gcs", AZURE: "azure"}
# botocore.exceptions, google.auth.exceptions and azure.core.exceptions.
_OF_ACCESS = frozenset(
    {
        *("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError"),
        *("TokenRetrievalError", "UnauthorizedSSOTokenError", "ProfileNotFound"),
        *("DefaultCredentialsError", "RefreshError"),
        *("ClientAuthenticationError", "CredentialUnavailableError"),
    }
)
_OF_THE_NET = frozenset(
    {
        *("EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "SSLError"),
        *("ConnectionClosedError", "HTTPClientError", "ProxyConnectionError"),
        *("ClientConnectorError", "ClientConnectionError", "ServerDisconnectedError"),
        *("ServiceRequestError", "ServiceResponseError", "TransportError", "gaierror"),
        *("FSTimeoutError", "TimeoutError", "ConnectionError"),
    }
)
_LONGEST = 300
_ACCOUNT = "write abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/FOLDER, or give credentials"


def missing_library(address: BlobAddress, error: ImportError) -> UsageError:
    """The error for a library that is not installed: how it is."""
    extra = _EXTRAS.get(address.service or "")
    said = printable(str(error), _LONGEST)
    line = f"pip install 'flow-imagebuild[{extra}]'" if extra else None
    message = f"cannot read {address.url}: the library for {address.protocol}:// is missing"
    hint = line or f"install what fsspec needs for {address.protocol}://"
    return UsageError(message, causes=(said,), hint=hint)


def is_gone(error: BaseException) -> bool:
    """Whether the storage says that there is no such thing."""
    names = {type(each).__name__ for each in _chain(error)}
    return isinstance(error, FileNotFoundError) or "ResourceNotFoundError" in names


def translated(
    error: Exception,
    address: BlobAddress,
    reference: Reference | None,
    options: Mapping[str, Any],
) -> ImagebuildError:
    """The same as an error of ours, with nothing secret in it."""
    message = f"cannot read {address.url}"
    causes = (_told(error, options),)
    with_what = str(reference) if reference else "what this machine is signed in with"
    if any(_refuses(each) for each in _chain(error)):
        return Denied(
            f"{message} with {with_what}",
            causes=causes,
            hint="let these credentials list and read it, or give others",
        )
    if any(_is_of_the_net(each) for each in _chain(error)):
        return Unreachable(message, causes=causes, hint="see whether the storage is up, try again")
    # Azure's containers are found by their account, which only these tell.
    hint = _ACCOUNT if address.service == AZURE and not options else None
    return ImagebuildError(message, causes=causes, hint=hint)


def _refuses(error: BaseException) -> bool:
    code = getattr(error, "code", None) or getattr(error, "status_code", None)
    named = {kind.__name__ for kind in type(error).__mro__} & _OF_ACCESS
    # gcsfs has no class for it.
    is_forbidden = type(error) is OSError and str(error).startswith("Forbidden: ")
    is_refused = isinstance(error, PermissionError) or is_forbidden
    return is_refused or bool(named) or str(code) in {"401", "403"}


def _is_of_the_net(error: BaseException) -> bool:
    named = {kind.__name__ for kind in type(error).__mro__} & _OF_THE_NET
    return isinstance(error, ConnectionError | TimeoutError) or bool(named)


def _told(error: Exception, options: Mapping[str, Any]) -> str:
    text = str(error) or type(error).__name__
    for secret in sorted(secrets_in(dict(options)), key=len, reverse=True):
        text = text.replace(secret, "***") if secret else text
    return printable(text.strip(), _LONGEST)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = each.__cause__ or each.__context__
