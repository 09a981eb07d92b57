"""The engine's door: what the SDK raises becomes an error with a cause, against a tiny engine."""

from __future__ import annotations

import base64
import gc
import hashlib
import json
import os
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from imagebuild.builders.image import EngineImage
from imagebuild.engine import Engine, EngineRefused, Logins
from imagebuild.errors import Denied, PushFailed, Unreachable, UsageError
from imagebuild.events import Event, Transfer, Warned, ignore
from imagebuild.state import ImageConfig
from tests.unit.builders.tiny_engine import Handler, TinyEngine, stream, tiny_engine
from tests.unit.values import DIGEST, IMAGE_ID, OTHER_DIGEST, name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.unit.builders.tiny_engine import Answer

LINE = {"status": f"v1: digest: {DIGEST} size: 1"}
APP = name("reg.example/team/app:v1")


@pytest.fixture
def server() -> Iterator[TinyEngine]:
    """A tiny engine."""
    with tiny_engine() as running:
        yield running


@pytest.fixture
def engine(server: TinyEngine) -> Iterator[Engine]:
    """The client of it."""
    with closing(Engine(server.env)) as connected:
        yield connected


@contextmanager
def configured(folder: Path, config: object) -> Iterator[Engine]:
    """An engine's client, where docker's configuration is this."""
    folder.mkdir(exist_ok=True)
    text = config if isinstance(config, str) else json.dumps(config)
    (folder / "config.json").write_text(text)
    with closing(Engine({"DOCKER_CONFIG": str(folder), "DOCKER_HOST": "unix:///gone"})) as made:
        yield made


def encoded(text: str) -> str:
    """As docker writes `username:password`."""
    return base64.b64encode(text.encode()).decode()


# Where it is


def test_making_and_closing_one_asks_nothing(server: TinyEngine) -> None:
    """So that it may be made where it may not be needed."""
    Engine(server.env).close()

    assert server.asked == []


@pytest.mark.parametrize(
    ("host", "cause"),
    [
        ("unix:///tmp/gone.sock", "no such file or directory"),
        ("tcp://127.0.0.1:1", "connection refused"),
        ("bogus://x", "bogus"),
    ],
)
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_an_engine_that_is_down_is_unreachable(host: str, cause: str) -> None:
    """Said with its address, the innermost cause, and what to do."""
    with pytest.raises(Unreachable) as caught:
        assert Engine({"DOCKER_HOST": host}).platform
    told = f"{caught.value.message} {caught.value.causes[0]}"
    hint = caught.value.hint or ""
    del caught
    gc.collect()  # the SDK leaves a socket open that could not connect

    assert host.removeprefix("unix://") in told
    assert cause in told
    assert "DOCKER_HOST" in hint


@pytest.fixture
def contexts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A docker configuration with a context `remote`, and `config.json` to be written."""
    place = tmp_path / "contexts" / "meta" / hashlib.sha256(b"remote").hexdigest()
    place.mkdir(parents=True)
    endpoint = {"Host": "unix:///remote.sock", "SkipTLSVerify": False}
    meta = {"Name": "remote", "Metadata": {}, "Endpoints": {"docker": endpoint}}
    (place / "meta.json").write_text(json.dumps(meta))
    (tmp_path / "config.json").write_text("{}")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("env", "current", "host"),
    [
        ({}, None, "unix:///var/run/docker.sock"),
        ({"DOCKER_CONTEXT": "remote"}, None, "unix:///remote.sock"),
        ({"DOCKER_CONTEXT": "default"}, "remote", "unix:///var/run/docker.sock"),
        ({"DOCKER_CONTEXT": ""}, "remote", "unix:///remote.sock"),
        ({}, "remote", "unix:///remote.sock"),
        ({}, "default", "unix:///var/run/docker.sock"),
        ({}, "", "unix:///var/run/docker.sock"),
        ({"DOCKER_HOST": "tcp://h:1", "DOCKER_CONTEXT": "remote"}, "remote", "tcp://h:1"),
        ({"DOCKER_HOST": "", "DOCKER_CONTEXT": "remote"}, None, "unix:///remote.sock"),
    ],
)
def test_the_engine_is_found_in_dockers_own_order(
    contexts: Path, env: dict[str, str], current: str | None, host: str
) -> None:
    """DOCKER_HOST, DOCKER_CONTEXT, the current context, the default socket."""
    if current is not None:
        (contexts / "config.json").write_text(json.dumps({"currentContext": current}))

    assert Engine(env).host == host


@pytest.mark.parametrize(("env", "current"), [({"DOCKER_CONTEXT": "gone"}, None), ({}, "gone")])
def test_a_context_that_is_not_there_is_an_error(
    contexts: Path, env: dict[str, str], current: str | None
) -> None:
    """However it was chosen: another engine than the one meant would be worse."""
    (contexts / "config.json").write_text(json.dumps({"currentContext": current}))
    with pytest.raises(UsageError, match="there is no docker context 'gone'") as caught:
        Engine(env)

    assert caught.value.hint == "docker context ls lists them"


# What it has


def test_the_platform_is_the_engines_own(engine: Engine) -> None:
    """Not this machine's."""
    assert engine.platform == "linux/arm64"


def test_an_image_says_what_it_is(engine: Engine, server: TinyEngine) -> None:
    """Its labels, environment, user, layers, and the digests that registries know it by."""
    server.answers["GET /images/app:v1/json"] = (
        200,
        {
            "Id": IMAGE_ID,
            "Os": "linux",
            "Architecture": "amd64",
            "Config": {"Labels": {"a": "b=c"}, "Env": ["PATH=/bin", "X=a=b", "Y"], "User": "app"},
            "RootFS": {"Layers": ["sha256:1", "sha256:2"]},
            "RepoDigests": [f"app@{DIGEST}", f"reg.example/app@{OTHER_DIGEST}", f"<none>@{DIGEST}"],
        },
    )

    assert engine.image("app:v1") == ImageConfig(
        IMAGE_ID,
        "linux/amd64",
        labels={"a": "b=c"},
        env={"PATH": "/bin", "X": "a=b", "Y": ""},
        user="app",
        diff_ids=("sha256:1", "sha256:2"),
        digests={"docker.io/library/app": DIGEST, "reg.example/app": OTHER_DIGEST},
    )


@pytest.mark.parametrize("config", [{}, {"Config": None, "RootFS": None, "RepoDigests": None}])
def test_an_image_that_says_little_is_an_image(
    engine: Engine, server: TinyEngine, config: dict[str, None]
) -> None:
    """As one from scratch, of an old engine."""
    server.answers["GET /images/app/json"] = (200, {"Id": IMAGE_ID, **config})

    assert engine.image("app") == ImageConfig(IMAGE_ID, "/")


def test_an_image_that_is_not_there_is_none(engine: Engine, server: TinyEngine) -> None:
    """A 404 is an answer."""
    server.answers["GET /images/app/json"] = (404, {"message": "No such image: app:latest"})

    assert engine.image("app") is None


@pytest.mark.parametrize(
    ("answer", "cause"),
    [((500, {"message": "disk is full"}), "disk is full"), ((500, b"<html>"), "<html>")],
)
def test_an_engine_that_refuses_is_not_one_that_is_down(
    engine: Engine, server: TinyEngine, answer: tuple[int, Any], cause: str
) -> None:
    """Its words are the cause."""
    server.answers["GET /images/app/json"] = answer
    with pytest.raises(EngineRefused, match="cannot look for the image app") as caught:
        engine.image("app")

    assert caught.value.exit_code == 1
    assert caught.value.causes == (cause,)


def test_an_engine_that_hangs_up_is_unreachable(engine: Engine, server: TinyEngine) -> None:
    """In the middle of an answer, too."""

    def hang_up(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        handler.close_connection = True

    server.answers["GET /images/app/json"] = hang_up
    with pytest.raises(Unreachable, match="cannot look for the image app"):
        engine.image("app")


# What registries have


def asked_for(engine: Engine, server: TinyEngine, answer: Answer) -> str | None:
    """The digest that a registry has, where the engine answers so."""
    server.answers["GET /distribution/reg.example/team/app:v1/json"] = answer
    return engine.remote_digest(APP)


def test_a_registry_is_asked_by_the_engine(engine: Engine, server: TinyEngine) -> None:
    """For the manifest's digest, with no login where there is none."""
    found = asked_for(engine, server, (200, {"Descriptor": {"digest": DIGEST}}))

    assert found == DIGEST


@pytest.mark.parametrize(
    "answer",
    [
        (404, {"message": "no such image"}),
        (500, {"message": "errors:\nmanifest unknown: manifest unknown\n"}),
        (500, {"message": "name unknown: repository name not known to registry"}),
    ],
)
def test_what_a_registry_lacks_is_none(engine: Engine, server: TinyEngine, answer: Answer) -> None:
    """Engines say it in several ways."""
    assert asked_for(engine, server, answer) is None


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (500, "unauthorized: authentication required", Denied),
        (401, "unauthorized: authentication required", Denied),
        (403, "denied: requested access to the resource is denied", Denied),
        (500, 'Get "https://reg.example/v2/": dial tcp: no such host', Unreachable),
    ],
)
def test_a_registry_that_refuses_or_is_down_is_told_apart(
    engine: Engine, server: TinyEngine, status: int, words: str, kind: type[Exception]
) -> None:
    """By its words; the engine is up in both cases."""
    with pytest.raises(kind, match=f"cannot ask reg.example for {APP}") as caught:
        asked_for(engine, server, (status, {"message": words}))

    assert "no Docker Engine answers" not in str(getattr(caught.value, "causes", ""))


def test_the_login_goes_with_the_question(server: TinyEngine, tmp_path: Path) -> None:
    """In the header that the engine reads it from."""
    auths = {"auths": {"reg.example": {"auth": encoded("me:pass")}}}
    (tmp_path / "config.json").write_text(json.dumps(auths))
    with closing(Engine({**server.env, "DOCKER_CONFIG": str(tmp_path)})) as engine:
        asked_for(engine, server, (200, {"Descriptor": {"digest": DIGEST}}))
    sent = server.header("GET /distribution/reg.example/team/app:v1/json")
    login = json.loads(base64.urlsafe_b64decode(sent))

    assert (login["username"], login["password"]) == ("me", "pass")


# Logging in


@pytest.fixture
def logged_in(server: TinyEngine, tmp_path: Path) -> Iterator[Engine]:
    """An engine's client with a password for the registry."""
    auths = {"auths": {"reg.example": {"auth": encoded("me:p:ss")}}}
    (tmp_path / "config.json").write_text(json.dumps(auths))
    with closing(Engine({**server.env, "DOCKER_CONFIG": str(tmp_path)})) as connected:
        yield connected


def test_without_a_login_there_is_nothing_to_check(engine: Engine, server: TinyEngine) -> None:
    """Some registries are open."""
    assert not engine.check_login(APP)

    assert "POST /auth" not in [line for line, _, _ in server.asked]


def test_a_login_is_checked_by_the_engine(logged_in: Engine, server: TinyEngine) -> None:
    """With the address that it belongs to."""
    server.answers["POST /auth"] = (200, {"Status": "Login Succeeded"})
    assert logged_in.check_login(APP)
    [body] = [json.loads(body) for line, _, body in server.asked if line == "POST /auth"]

    assert body == {"username": "me", "password": "p:ss", "serveraddress": "reg.example"}


@pytest.mark.parametrize(
    ("answer", "kind", "cause"),
    [
        ((401, {"message": "unauthorized: incorrect username or password"}), Denied, "incorrect"),
        ((500, {"message": "login attempt failed with status: 403 Forbidden"}), Denied, "403"),
        ((500, {"message": "dial tcp: no such host"}), Unreachable, "no such host"),
        ((500, b"oops"), Unreachable, "HTTP 500"),
        ((400, [1]), PushFailed, "HTTP 400"),
    ],
)
def test_a_login_that_is_refused_says_by_whom(
    logged_in: Engine, server: TinyEngine, answer: Answer, kind: type[Exception], cause: str
) -> None:
    """And never the password."""
    server.answers["POST /auth"] = answer
    with pytest.raises(kind, match=r"cannot log in to reg.example") as caught:
        logged_in.check_login(APP)
    told = repr(vars(caught.value))

    assert cause in told
    assert "p:ss" not in told


# Pushing


def push(engine: Engine, server: TinyEngine, answer: Answer, emit: Any = ignore) -> str:
    """Push the image, where the engine answers so."""
    server.answers["POST /images/reg.example/team/app/push?tag=v1"] = answer
    return EngineImage(engine, ImageConfig(IMAGE_ID, "linux/amd64")).push(APP, emit)


def has(server: TinyEngine, digest: str) -> None:
    """Let the registry have a manifest under the digest that was pushed."""
    asked = f"GET /distribution/reg.example/team/app:v1@{DIGEST}/json"
    server.answers[asked] = (200, {"Descriptor": {"digest": digest}})


def test_a_push_gives_the_digest_that_the_registry_confirms(
    engine: Engine, server: TinyEngine
) -> None:
    """And tells the layers on the way."""
    has(server, DIGEST)
    told: list[Event] = []
    layer = {"id": "a", "status": "Pushed"}

    assert push(engine, server, stream(layer, LINE), told.append) == DIGEST
    assert told == [Transfer("push", "a", 0, 0)]


def test_a_push_that_the_registry_does_not_confirm_failed(
    engine: Engine, server: TinyEngine
) -> None:
    """Whatever the engine said."""
    with pytest.raises(PushFailed, match="the registry does not have it"):
        push(engine, server, stream(LINE))


@pytest.mark.parametrize("end", [b"", b'40\r\n{"status"', b"4", b"0\r\n"])
def test_an_engine_that_dies_while_it_pushes_is_unreachable(
    engine: Engine, server: TinyEngine, end: bytes
) -> None:
    """Between two chunks, in one, and in a chunk's length: an error, and never a traceback."""
    has(server, DIGEST)
    layer = {"id": "a", "status": "Pushing", "progressDetail": {"current": 1, "total": 2}}
    with pytest.raises((Unreachable, PushFailed)) as caught:
        push(engine, server, stream(layer, end=end))

    assert str(APP) in caught.value.message
    assert isinstance(caught.value, PushFailed) is (end == b"0\r\n")


def test_an_engine_that_ends_in_half_an_event_failed(engine: Engine, server: TinyEngine) -> None:
    """In good order, as an engine that is stopped ends."""
    has(server, DIGEST)
    half = b'9\r\n{"status"\r\n0\r\n\r\n'
    with pytest.raises((Unreachable, PushFailed)) as caught:
        push(engine, server, stream(LINE, end=half))

    assert str(APP) in caught.value.message


def test_an_engine_that_refuses_to_push_says_why(engine: Engine, server: TinyEngine) -> None:
    """As a status, before any event."""
    with pytest.raises(EngineRefused, match=f"cannot push {APP}") as caught:
        push(engine, server, (500, {"message": "disk is full"}))

    assert caught.value.causes == ("disk is full",)


class Waits:
    """A `sleep` that only keeps how long it was to wait."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def failing(server: TinyEngine, *words: str) -> Waits:
    """Let the first pushes end with these words of the registry, and the others succeed."""
    has(server, DIGEST)
    left = list(words)

    def answer(handler: Handler) -> None:
        stream({"error": left.pop(0)} if left else LINE)(handler)

    server.answers["POST /images/reg.example/team/app/push"] = answer
    return Waits()


def pushes(server: TinyEngine) -> int:
    """How often the engine was asked to push."""
    return len([line for line, _, _ in server.asked if "/push?" in line])


BUSY = "received unexpected HTTP status: 503 Service Unavailable"


@pytest.mark.parametrize(
    "words", [BUSY, "EOF", "read: connection reset by peer", "i/o timeout", "toomanyrequests: no"]
)
def test_a_push_that_broke_is_tried_again(engine: Engine, server: TinyEngine, words: str) -> None:
    """With longer and longer waits, each of which is told with its reason."""
    waits, told = failing(server, *[words] * 4), list[Event]()
    image = EngineImage(engine, ImageConfig(IMAGE_ID, "linux/amd64"), waits)

    assert image.push(APP, told.append) == DIGEST
    assert pushes(server) == 5
    assert [event.cause for event in told if isinstance(event, Warned)] == [words] * 4
    for seconds, least in zip(waits.seconds, [0.5, 1, 2, 4], strict=True):
        assert least <= seconds <= 1.5 * least


def test_a_push_is_tried_five_times_in_all(engine: Engine, server: TinyEngine) -> None:
    """Then the registry's own words are the error."""
    waits = failing(server, *[BUSY] * 9)
    with pytest.raises(Unreachable, match=f"cannot push {APP}") as caught:
        EngineImage(engine, ImageConfig(IMAGE_ID, "linux/amd64"), waits).push(APP, ignore)

    assert caught.value.causes == (BUSY,)
    assert pushes(server) == 5
    assert len(waits.seconds) == 4


@pytest.mark.parametrize(("asked", "waited"), [("7", 7.0), ("3600", 60.0)])
def test_a_registry_that_says_when_to_come_back_is_obeyed(
    engine: Engine, server: TinyEngine, asked: str, waited: float
) -> None:
    """For a minute at most."""
    waits = failing(server, f"429 Too Many Requests, Retry-After: {asked}")
    EngineImage(engine, ImageConfig(IMAGE_ID, "linux/amd64"), waits).push(APP, ignore)

    assert waits.seconds == [waited]


@pytest.mark.parametrize(
    "words",
    [
        "denied: requested access to the resource is denied",
        "name unknown: repository name not known to registry",
        "tag invalid: the tag 'v1' is immutable",
        "dial tcp 127.0.0.1:1: connect: connection refused",
    ],
)
def test_a_push_that_is_refused_is_not_tried_again(
    engine: Engine, server: TinyEngine, words: str
) -> None:
    """It would be refused again."""
    waits = failing(server, words)
    with pytest.raises((Denied, PushFailed, Unreachable)):
        EngineImage(engine, ImageConfig(IMAGE_ID, "linux/amd64"), waits).push(APP, ignore)

    assert pushes(server) == 1
    assert waits.seconds == []


# What docker knows of registries


@pytest.mark.parametrize(
    ("auths", "host", "username"),
    [
        ({"reg.example": "me:x"}, "reg.example", "me"),
        ({"reg.example:5000": "me:x"}, "reg.example:5000", "me"),
        ({"https://reg.example": "me:x"}, "reg.example", "me"),
        ({"https://reg.example/v1/": "me:x"}, "reg.example", "me"),
        ({"reg.example": "me:x"}, "other.example", None),
        ({"reg.example": "me:x"}, "reg.example:5000", None),
        ({"reg.example": "me:x"}, "docker.io", None),
        ({"https://index.docker.io/v1/": "me:x"}, "docker.io", "me"),
        ({"https://index.docker.io/v1/": "me:x"}, "index.docker.io", "me"),
        ({"https://index.docker.io/v1/": "me:x"}, "registry-1.docker.io", "me"),
        ({"docker.io": "me:x"}, "docker.io", "me"),
        ({}, "docker.io", None),
    ],
)
def test_a_password_is_for_its_registry_alone(
    tmp_path: Path, auths: dict[str, str], host: str, username: str | None
) -> None:
    """However the key is written; Docker Hub has one of its own."""
    written = {key: {"auth": encoded(value)} for key, value in auths.items()}
    with configured(tmp_path, {"auths": written}) as engine:
        assert engine.logins.find(host).get("username") == username
        credential = engine.logins.credential(host)

    assert (credential.username if credential else None) == username


def test_an_identity_token_is_a_credential_without_a_name(tmp_path: Path) -> None:
    """As `docker login` of some registries leaves it."""
    with configured(tmp_path, {"auths": {"reg.example": {"identitytoken": "T"}}}) as engine:
        credential = engine.logins.credential("reg.example")
        assert engine.logins.find("reg.example") == {"identitytoken": "T"}

    assert credential is not None
    assert (credential.username, credential.secret) == ("", "T")


@pytest.mark.parametrize("config", [{}, {"auths": {}}, {"auths": {"reg.example": {}}}])
def test_no_password_is_no_credential(tmp_path: Path, config: dict[str, Any]) -> None:
    """An entry can be empty."""
    with configured(tmp_path, config) as engine:
        assert engine.logins.find("reg.example") == {}
        assert engine.logins.credential("reg.example") is None


def test_a_folder_without_a_configuration_is_one_without_passwords(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one in the home is another's, then."""
    home = tmp_path / "home" / ".docker"
    home.mkdir(parents=True)
    auths = {"auths": {"reg.example": {"auth": encoded("me:x")}}}
    (home / "config.json").write_text(json.dumps(auths))
    monkeypatch.setenv("HOME", str(home.parent))
    (tmp_path / "empty").mkdir()

    assert Engine({"DOCKER_CONFIG": str(tmp_path / "empty")}).logins.find("reg.example") == {}
    assert Engine({}).logins.find("reg.example")["username"] == "me"


@pytest.mark.parametrize(
    "config",
    [
        {"auths": {"reg.example": "me"}},
        {"auths": {"reg.example": {"auth": "%%%"}}},
        {"auths": {"reg.example": {"auth": encoded("no-colon")}}},
        {"auths": {"reg.example": {"auth": 1}}},
        "{",
        "not JSON",
        "[]",
        '"text"',
    ],
)
def test_a_configuration_that_makes_no_sense_is_a_usage_error(
    tmp_path: Path, config: object
) -> None:
    """The engine is not to blame, nor are we."""
    with (
        configured(tmp_path, config) as engine,
        pytest.raises(UsageError, match="cannot read docker's configuration"),
    ):
        engine.logins.find("reg.example")


@pytest.mark.parametrize("text", ["", "\n", "{}"])
def test_an_empty_configuration_is_one_without_passwords(tmp_path: Path, text: str) -> None:
    """As docker takes it."""
    with configured(tmp_path, text) as engine:
        assert engine.logins.find("reg.example") == {}


@contextmanager
def podman(folder: Path, config: object, docker: object = None) -> Iterator[Engine]:
    """An engine's client, where podman's credentials are this, and docker's config that."""
    folder.mkdir(exist_ok=True)
    (folder / "auth.json").write_text(config if isinstance(config, str) else json.dumps(config))
    (folder / "config.json").write_text(json.dumps(docker or {}))
    env = {"DOCKER_CONFIG": str(folder), "REGISTRY_AUTH_FILE": str(folder / "auth.json")}
    with closing(Engine({**env, "DOCKER_HOST": "unix:///gone"})) as made:
        yield made


@pytest.mark.parametrize(
    ("key", "image", "known"),
    [
        ("reg.example", "reg.example/app", True),
        ("reg.example/team", "reg.example/team/app", True),
        ("reg.example/team/app", "reg.example/team/app", True),
        ("reg.example/team", "reg.example/app", False),
        ("reg.example/team", "reg.example/teams/app", False),
        ("reg.example/team/app", "reg.example/team", False),
        ("reg.example", "reg.example:5000/app", False),
        ("https://reg.example/v1/", "reg.example/app", True),
        ("docker.io", "app", True),
        ("docker.io/library/app", "app", True),
        ("docker.io/team", "team/app", True),
        ("docker.io/team", "index.docker.io/team/app", True),
        ("https://index.docker.io/v1/", "team/app", True),
        ("docker.io", "reg.example/app", False),
    ],
)
def test_podmans_credentials_are_for_a_part_of_a_registry(
    tmp_path: Path, key: str, image: str, known: bool
) -> None:
    """The key is a registry, a namespace in it, or a repository."""
    with podman(tmp_path, {"auths": {key: {"auth": encoded("me:x")}}}) as engine:
        login = engine.logins.find_for(name(image))

    host = name(image).location.partition("/")[0]
    expected = {"username": "me", "password": "x", "serveraddress": host}
    assert login == (expected if known else {})


def test_the_longest_of_podmans_keys_is_meant(tmp_path: Path) -> None:
    """For a push, and for a base of a build."""
    keys = ["reg.example", "reg.example/team", "reg.example/team/app"]
    auths = {key: {"auth": encoded(f"{key.count('/')}:x")} for key in keys}
    with podman(tmp_path, {"auths": auths}) as engine:
        found = [
            engine.logins.find_for(name(image))["username"]
            for image in ("reg.example/other/app", "reg.example/team/other", "reg.example/team/app")
        ]
        credential = engine.logins.credential("reg.example", [name("reg.example/team/app:v1")])

    assert found == ["0", "1", "2"]
    assert credential is not None
    assert credential.username == "2"


def test_dockers_credentials_come_before_podmans(tmp_path: Path) -> None:
    """It is docker's engine that is asked."""
    mine, other = ({"auths": {"reg.example": {"auth": encoded(f"{who}:x")}}} for who in ("a", "b"))
    with podman(tmp_path, other, mine) as engine:
        assert engine.logins.find("reg.example")["username"] == "a"


def test_credentials_that_are_given_come_first(tmp_path: Path) -> None:
    """Of their own registry alone, which for Docker Hub has several names."""
    known = {"auths": {"reg.example": {"auth": encoded("a:x")}}}
    (tmp_path / "config.json").write_text(json.dumps(known))
    login = {"username": "given", "password": "x"}
    logins = Logins(
        {"DOCKER_CONFIG": str(tmp_path)}, {"other.example": login, "index.docker.io": login}
    )

    assert logins.find("other.example") == logins.find("docker.io") == login
    assert logins.find("reg.example")["username"] == "a"


@pytest.mark.parametrize(
    ("variables", "username"),
    [
        ({}, "home"),
        ({"XDG_CONFIG_HOME": "xdg"}, "xdg"),
        ({"XDG_RUNTIME_DIR": "run"}, "run"),
        ({"XDG_RUNTIME_DIR": "empty"}, "home"),
        ({"XDG_RUNTIME_DIR": "run", "REGISTRY_AUTH_FILE": "xdg/containers/auth.json"}, "xdg"),
        ({"XDG_RUNTIME_DIR": "run", "REGISTRY_AUTH_FILE": "gone.json"}, None),
    ],
)
def test_podmans_credentials_are_found_where_podman_keeps_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], username: str | None
) -> None:
    """The file that is named, else the session's, else the user's."""
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    for place, who in {"user/.config": "home", "xdg": "xdg", "run": "run"}.items():
        (tmp_path / place / "containers").mkdir(parents=True)
        auths = {"auths": {"reg.example": {"auth": encoded(f"{who}:x")}}}
        (tmp_path / place / "containers" / "auth.json").write_text(json.dumps(auths))
    env = {key: str(tmp_path / value) for key, value in variables.items()}

    assert Logins(env).find("reg.example").get("username") == username


@pytest.mark.parametrize(
    "config", ["{", "[]", {"auths": {"a": 1}}, {"auths": {"a": {"auth": "%"}}}]
)
def test_podmans_credentials_that_make_no_sense_are_a_usage_error(
    tmp_path: Path, config: object
) -> None:
    """With the file's name."""
    with (
        podman(tmp_path, config) as engine,
        pytest.raises(UsageError, match="cannot read podman's credentials") as caught,
    ):
        engine.logins.find("reg.example")

    assert str(tmp_path / "auth.json") in caught.value.causes[0]


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Write the script of the credential helper `docker-credential-tests`."""
    place = tmp_path / "bin"
    place.mkdir()
    monkeypatch.setenv("PATH", str(place), prepend=os.pathsep)

    def write(script: str) -> None:
        (place / "docker-credential-tests").write_text(f"#!/bin/sh\nread server\n{script}\n")
        (place / "docker-credential-tests").chmod(0o755)

    return write


@pytest.mark.parametrize(
    ("config", "host", "asked"),
    [
        ({"credsStore": "tests"}, "reg.example", "reg.example"),
        ({"credsStore": "tests"}, "docker.io", "https://index.docker.io/v1/"),
        ({"credHelpers": {"reg.example": "tests"}}, "reg.example", "reg.example"),
    ],
)
def test_a_credential_helper_is_asked(
    tmp_path: Path, helper: Callable[[str], None], config: dict[str, Any], host: str, asked: str
) -> None:
    """For the registry by the name that it knows."""
    helper("""printf '{"ServerURL": "%s", "Username": "%s", "Secret": "S"}' "$server" "$server" """)
    with configured(tmp_path, config) as engine:
        credential = engine.logins.credential(host)

    assert credential is not None
    assert (credential.username, credential.secret) == (asked, "S")


def test_a_helper_can_give_an_identity_token(tmp_path: Path, helper: Callable[[str], None]) -> None:
    """By the user name that stands for one."""
    helper("""printf '{"ServerURL": "x", "Username": "<token>", "Secret": "T"}'""")
    with configured(tmp_path, {"credsStore": "tests"}) as engine:
        credential = engine.logins.credential("reg.example")

    assert credential is not None
    assert (credential.username, credential.secret) == ("", "T")


def test_a_helper_that_knows_nothing_leaves_the_file(
    tmp_path: Path, helper: Callable[[str], None]
) -> None:
    """As docker does."""
    helper("echo 'credentials not found in native keychain'; exit 1")
    auths = {"reg.example": {"auth": encoded("me:x")}}
    with configured(tmp_path, {"credsStore": "tests", "auths": auths}) as engine:
        assert engine.logins.find("reg.example")["username"] == "me"
        assert engine.logins.find("other.example") == {}


@pytest.mark.parametrize("script", ["echo locked; exit 2", "echo '{'", "echo '{}'", "true"])
def test_a_helper_that_fails_is_no_reason_to_go_on_without(
    tmp_path: Path, helper: Callable[[str], None], script: str
) -> None:
    """Nor one that answers what nobody can read."""
    helper(script)
    auths = {"reg.example": {"auth": encoded("me:x")}}
    with (
        configured(tmp_path, {"credsStore": "tests", "auths": auths}) as engine,
        pytest.raises(Denied, match=r"cannot get the credentials for reg.example") as caught,
    ):
        engine.logins.find("reg.example")

    assert "credential helper" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("""printf '{"Username": "%s", "Secret": "S"}' "$server" """, "reg.example"),
        ("""printf '{"Username": "<token>", "Secret": "T"}'""", ""),
        ("echo 'credentials not found in native keychain'; exit 1", None),
    ],
)
def test_podmans_credential_helper_is_asked(
    tmp_path: Path, helper: Callable[[str], None], script: str, found: str | None
) -> None:
    """As docker's is."""
    helper(script)
    with podman(tmp_path / "podman", {"credHelpers": {"reg.example": "tests"}}) as engine:
        credential = engine.logins.credential("reg.example")

    assert (credential.username if credential else None) == found


def test_podmans_credential_helper_that_fails_is_an_error(
    tmp_path: Path, helper: Callable[[str], None]
) -> None:
    """To go on without it would offer no credentials."""
    helper("echo locked; exit 2")
    with (
        podman(tmp_path / "podman", {"credHelpers": {"reg.example": "tests"}}) as engine,
        pytest.raises(Denied, match=r"cannot get the credentials for reg.example") as caught,
    ):
        engine.logins.find("reg.example")

    assert "auth.json names" in (caught.value.hint or "")


def test_a_helper_that_is_not_installed_is_an_error(tmp_path: Path) -> None:
    """With its name, and no warning of Python's beside it."""
    config = {"credHelpers": {"reg.example": "gone"}}
    with (
        configured(tmp_path, config) as engine,
        pytest.raises(Denied, match=r"cannot get the credentials for reg.example") as caught,
    ):
        engine.logins.find("reg.example")

    assert "docker-credential-gone" in caught.value.causes[0]


def test_proxies_of_dockers_configuration_become_build_arguments(
    server: TinyEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In both cases, as tools read them."""
    proxies = {"default": {"httpProxy": "http://proxy:3128", "noProxy": "localhost"}}
    (tmp_path / "config.json").write_text(json.dumps({"proxies": proxies}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with closing(Engine({**server.env, "DOCKER_CONFIG": str(tmp_path)})) as engine:
        assert engine.proxies == {
            "http_proxy": "http://proxy:3128",
            "HTTP_PROXY": "http://proxy:3128",
            "no_proxy": "localhost",
            "NO_PROXY": "localhost",
        }
