"""What it means that a registry did not do what it was asked for."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from imagebuild.errors import Denied, ImagebuildError, PushFailed, Unreachable
from imagebuild.oci.addresses import shown
from imagebuild.printable import printable
from imagebuild.registry_errors import RegistryBusy, login_hint, repository_hint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagebuild.oci.exchange import Access, Answer, Ask

# What the same request may get past the next time.
TEMPORARY = frozenset({408, 429, 499, 500, 502, 503, 504, 522})
_DENIED = {401, 403}


class Later(RegistryBusy):
    """It may work the next time, not before `seconds` have passed if the registry says so."""

    seconds: float | None = None


class Wrong(PushFailed):
    """The registry answered what cannot be right: another digest, too many bytes, no protocol."""


class BlobsUnknown(PushFailed):
    """The registry has not got, or has no longer, what a manifest names: these `digests`."""

    def __init__(self, message: str, digests: tuple[str, ...], causes: tuple[str, ...]) -> None:
        super().__init__(message, causes=causes, hint="push them, then the manifest again")
        self.digests = digests


def refusal(ask: Ask, answer: Answer) -> ImagebuildError:
    """The error for an answer that is final."""
    message, causes, name = f"cannot {ask.action}", (answer.said,), ask.access.name
    if answer.status in _DENIED or answer.codes & {"UNAUTHORIZED", "DENIED"}:
        return Denied(message, causes=causes, hint=login_hint(name))
    if answer.status == 413:
        hint = f"let what stands before {name.host} take bodies of {ask.size} bytes"
        return PushFailed(message, causes=causes, hint=hint)
    missing = answer.status == 404 or "NAME_UNKNOWN" in answer.codes
    return PushFailed(message, causes=causes, hint=repository_hint(name) if missing else None)


def busy(ask: Ask, reason: str, seconds: float | None = None) -> Later:
    """The error for what may work the next time."""
    host = ask.access.name.host
    error = Later(
        f"cannot {ask.action}", causes=(reason,), hint=f"check that {host} works, and try again"
    )
    error.seconds = seconds
    return error


def wrong(ask: Ask, reason: str) -> Wrong:
    """The error for an answer that cannot be right."""
    return Wrong(f"cannot {ask.action}", causes=(f"{ask.shown}: {printable(reason)}",))


@contextmanager
def of_the_way(ask: Ask, url: str) -> Iterator[None]:
    """Turn what urllib3 raises on the way to `url` into errors of ours."""
    from urllib3 import exceptions

    request = f"{ask.method} {shown(url)}"
    try:
        yield
    except exceptions.SSLError as error:
        reason, hint = _of_tls(str(error), urlsplit(url).netloc)
        if hint is None:
            raise busy(ask, f"{request}: {reason}") from error
        raise _away(ask, f"{request}: {reason}", hint) from error
    except (exceptions.ReadTimeoutError, exceptions.ProtocolError) as error:
        if "\\x16\\x03" in repr(error) or "\\x15\\x03" in repr(error):
            raise tls_unexpected(ask, url) from error
        raise busy(ask, f"{request}: {_reason(error)}") from error
    except exceptions.HTTPError as error:
        raise _away(ask, f"{request}: {_reason(error)}") from error


def tls_unexpected(ask: Ask, url: str) -> ImagebuildError:
    """The error for a server that speaks https where we had to think that it does not."""
    host = urlsplit(url).netloc
    reason = f"{ask.method} {shown(url)}: it speaks https, and was expected to speak http"
    hint = (
        f"put its CA into ~/.config/containers/certs.d/{host}/ca.crt, and do not call it insecure"
    )
    return _away(ask, reason, hint)


def denied(ask: Ask, access: Access, reason: str) -> Denied:
    """The error for whoever is not let in."""
    return Denied(f"cannot {ask.action}", causes=(reason,), hint=login_hint(access.name))


def _away(ask: Ask, reason: str, hint: str | None = None) -> ImagebuildError:
    hint = hint or f"check that {ask.access.name.host} can be reached"
    return Unreachable(f"cannot {ask.action}", causes=(reason,), hint=hint)


def _of_tls(text: str, host: str) -> tuple[str, str | None]:
    """What went wrong, and what to do; None where to try again may help."""
    if any(word in text for word in ("WRONG_VERSION", "record layer", "HTTP_REQUEST")):
        return (
            "it speaks http, and was expected to speak https",
            f"if {host} is meant to be without TLS, name it: --insecure-registry {host}",
        )
    if "CERTIFICATE_VERIFY_FAILED" in text:
        reason = text.partition("certificate verify failed: ")[2].partition(" (_ssl")[0]
        return (
            f"its certificate is not trusted: {printable(reason)}",
            f"name its CA with SSL_CERT_FILE, or in ~/.config/containers/certs.d/{host}/ca.crt",
        )
    if "ALERT" in text and ("CERTIFICATE" in text or "UNKNOWN_CA" in text):
        return (
            "it wants a client's certificate, and not what we have",
            f"put client.cert and client.key into ~/.config/containers/certs.d/{host}",
        )
    lasting = "EOF" not in text and "reset" not in text
    return f"TLS failed: {printable(text)}", f"check the TLS of {host}" if lasting else None


def _reason(error: BaseException) -> str:
    """The innermost error's own words."""
    seen = error
    while (inner := _inner(seen)) is not None:
        seen = inner
    if isinstance(seen, TimeoutError) or "timed out" in str(seen):
        return "no answer in time"
    if isinstance(seen, OSError) and seen.strerror:
        return printable(seen.strerror.lower())
    return printable(str(seen) or type(seen).__name__)


def _inner(error: BaseException) -> BaseException | None:
    wrapped = (arg for arg in error.args if isinstance(arg, BaseException))
    return next(wrapped, None) or error.__cause__
