"""A registry's refusal, known by the words in which engines 20.10 and 26 pass it on."""

from __future__ import annotations

import pytest

from imagebuild.errors import Denied, ImagebuildError, PushFailed, Unreachable
from imagebuild.registry_errors import RegistryBusy, is_missing, registry_error
from tests.unit.values import name

APP = "reg.example:5000/team/app:v1"
HUB = "docker.io/library/app"


GET = 'Get "https://reg.example:5000/v2/": '
HEAD = "unexpected status from HEAD request to https://reg.example/v2/team/app/manifests/v1: "
LOGIN = "login attempt to https://reg.example:5000/v2/ failed with status: "
ACCESS = "push access denied, repository does not exist or may require authorization"
STATUS = "received unexpected HTTP status: "

DENIED = [
    "denied: requested access to the resource is denied",
    "errors:\ndenied: requested access to the resource is denied\nunauthorized: no\n",
    "unauthorized: authentication required",
    "unauthorized: incorrect username or password",
    "no basic auth credentials",
    f"{GET}unauthorized: authentication required",
    f"{LOGIN}401 Unauthorized",
    f"{LOGIN}403 Forbidden",
    ACCESS,
    f"{ACCESS}: server message: insufficient_scope: authorization failed",
    "failed to fetch oauth token: unexpected status from GET to https://a/: 401 Unauthorized",
    f"{HEAD}403 Forbidden",
]
AWAY = [
    f"{GET}dial tcp 127.0.0.1:5000: connect: connection refused",
    f"{GET}dial tcp: lookup reg.example on 10.0.0.1:53: no such host",
    f"{GET}dial tcp: lookup reg.example: Temporary failure in name resolution",
    f"{GET}dial tcp: lookup reg.example on 10.0.0.1:53: server misbehaving",
    f"{GET}dial tcp 10.0.0.1:443: i/o timeout",
    f"{GET}dial tcp 10.0.0.1:443: connect: no route to host",
    f"{GET}net/http: request canceled (Client.Timeout exceeded while awaiting headers)",
    f"{GET}net/http: TLS handshake timeout",
    f"{GET}context deadline exceeded",
    f"{GET}EOF",
    f"{GET}read tcp 10.0.0.2:1->10.0.0.1:443: read: connection reset by peer",
    f"{GET}http: server gave HTTP response to HTTPS client",
    f"{GET}x509: certificate signed by unknown authority",
    f"{STATUS}500 Internal Server Error",
    f"{STATUS}502 Bad Gateway",
    f"{STATUS}503 Service Unavailable",
    f"{HEAD}504 Gateway Timeout",
    f"{HEAD}429 Too Many Requests",
    "toomanyrequests: You have reached your pull rate limit",
]
UNWANTED = [
    "name unknown: The repository with name 'team/app' does not exist in the registry",
    "name unknown: repository name not known to registry",
    "tag invalid: The image tag 'v1' already exists and the repository is immutable.",
    "manifest invalid: manifest invalid",
    "An image does not exist locally with the tag: reg.example:5000/team/app",
    "blob upload unknown",
    "",
]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        *((text, Denied) for text in DENIED),
        *((text, Unreachable) for text in AWAY),
        *((text, PushFailed) for text in UNWANTED),
    ],
)
def test_words_tell_what_a_refusal_means(text: str, kind: type[ImagebuildError]) -> None:
    """Who may not (4), who does not answer (3), and what the registry does not want (1)."""
    error = registry_error(f"push {APP}", name(APP), (text,))

    assert isinstance(error, kind)
    assert error.exit_code == kind.exit_code
    assert (error.message, error.causes) == (f"cannot push {APP}", (text,))


@pytest.mark.parametrize(
    ("text", "busy"),
    [
        (f"{GET}EOF", True),
        (f"{GET}dial tcp 10.0.0.1:443: i/o timeout", True),
        (f"{GET}context deadline exceeded", True),
        (f"{GET}read tcp 10.0.0.2:1->10.0.0.1:443: read: connection reset by peer", True),
        (f"{GET}write tcp 10.0.0.2:1->10.0.0.1:443: write: broken pipe", True),
        (f"{STATUS}408 Request Timeout", True),
        (f"{STATUS}429 Too Many Requests", True),
        (f"{STATUS}500 Internal Server Error", True),
        (f"{STATUS}503 Service Unavailable", True),
        (f"{STATUS}522", True),
        ("toomanyrequests: You have reached your pull rate limit", True),
        (f"{GET}dial tcp 127.0.0.1:5000: connect: connection refused", False),
        (f"{GET}dial tcp: lookup reg.example on 10.0.0.1:53: no such host", False),
        (f"{GET}http: server gave HTTP response to HTTPS client", False),
        (f"{GET}x509: certificate signed by unknown authority", False),
        *((text, False) for text in (*DENIED, *UNWANTED)),
    ],
)
def test_words_tell_what_may_get_past_the_next_time(text: str, busy: bool) -> None:
    """A registry in trouble; not one that says no, or that is not there at all."""
    assert isinstance(registry_error("push it", name(APP), (text,)), RegistryBusy) is busy


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("manifest unknown", True),
        ("manifest unknown: manifest unknown", True),
        ("errors:\nmanifest unknown: manifest unknown\n", True),
        ("manifest for reg.example/app:v1 not found: manifest unknown: manifest unknown", True),
        ("no such manifest: reg.example/app:v1", True),
        ("name unknown: repository name not known to registry", True),
        ("reg.example/app:v1: not found", True),
        ("unexpected status from HEAD request to https://reg.example/v2/: 404 Not Found", True),
        ("distribution: 404 page not found: dial tcp: connection refused", False),
        ("received unexpected HTTP status: 503 Service Unavailable", False),
        ("denied: requested access to the resource is denied", False),
        ('Get "https://reg.example/v2/": dial tcp: lookup reg.example: no such host', False),
        ("", False),
    ],
)
def test_words_tell_that_nothing_is_there(text: str, missing: bool) -> None:
    """Only where the registry itself says it."""
    assert is_missing(text, name("reg.example/app:v1")) is missing


@pytest.mark.parametrize("repository", ["team/timeout", "team/denied", "eof/x509", "unauthorized"])
@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("denied: not yours: {}", Denied),
        ("{}: received unexpected HTTP status: 503 Service Unavailable", Unreachable),
        ("name unknown: repository {} not known to registry", PushFailed),
    ],
)
def test_an_images_own_name_says_nothing(
    repository: str, text: str, kind: type[ImagebuildError]
) -> None:
    """Whatever words are in it."""
    image = name(f"reg.example/{repository}:404")
    shown = text.format(image)

    assert isinstance(registry_error("push it", image, (shown,)), kind)
    assert is_missing(f"manifest for {image} not found: manifest unknown", image)


@pytest.mark.parametrize(
    ("image", "text", "hint"),
    [
        (
            APP,
            "denied: x",
            ("log in with `docker login reg.example:5000`, as somebody who may use team/app"),
        ),
        (HUB, "denied: x", "log in with `docker login`, as somebody who may use library/app"),
        (APP, "EOF", "check that reg.example:5000 can be reached from the engine"),
        (APP, "name unknown", "check that reg.example:5000 has a repository team/app"),
    ],
)
def test_each_has_a_hint_that_names_what_to_do(image: str, text: str, hint: str) -> None:
    """With the very command; Docker Hub has no name there."""
    assert registry_error("push it", name(image), (text,)).hint == hint
