"""What the race of the deploys counts, and how it sums up."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from tests.benchmarks.counting import counting_http
from tests.benchmarks.deploys import sentence, size
from tests.benchmarks.fresh import on_runner
from tests.benchmarks.race import median
from tests.benchmarks.ways import buildkit_steps_run, classic_steps_run
from tests.benchmarks.world import Cost, is_change, with_bytecode
from tests.support.proxies import Request

CLASSIC = """\
Step 1/4 : FROM prefecthq/prefect:3-latest
 ---> 8a92cb529718
Step 2/4 : COPY requirements.txt /opt/prefect/hello/requirements.txt
 ---> Using cache
 ---> eae182579e61
Step 3/4 : COPY . /opt/prefect/hello/
 ---> fb75ac800b39
Step 4/4 : WORKDIR /opt/prefect/hello/
 ---> Running in 1fd1b46f7e77
 ---> ce19513384ab
Successfully built ce19513384ab
"""
BUILDKIT = """\
build …
  [1/4] FROM docker.io/prefecthq/prefect:3-latest
  [1/4] done in 0.0 s
  [4/4] COPY [./, /opt/prefect/hello/]
  [2/4] WORKDIR /opt/prefect/hello  cached
  [3/4] RUN make
    | [3/4] done in a log line
  [3/4] done in 1.2 s
  [4/4] done in 0.0 s
  exporting to image
  exporting to image done in 0.0 s
build done in 0.3 s: hello:v1, as the code changed
"""


ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


def _cost(seconds: float, count: int = 0) -> Cost:
    return Cost(seconds, *[count] * 6)


def test_a_classic_step_ran_where_the_cache_is_not_used() -> None:
    """One of the four is `FROM`, one was cached."""
    assert classic_steps_run(CLASSIC) == 2


def test_a_step_of_buildkit_ran_where_it_came_to_its_end_by_itself() -> None:
    """Neither `FROM` nor the export is a step of the Dockerfile; a log line is none at all."""
    assert buildkit_steps_run(BUILDKIT) == 2


def test_nothing_built_is_no_step() -> None:
    """A build that was left out prints no steps."""
    assert buildkit_steps_run("build done in 0.0 s: nothing changed\n") == 0


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/api/deployments/name/hello/x", False),
        ("POST", "/api/work_pools/bench/workers/filter", False),
        ("POST", "/api/flows/", True),
        ("PATCH", "/api/deployments/1", True),
        ("DELETE", "/api/automations/owned-by/prefect.deployment.1", True),
    ],
)
def test_a_change_is_what_does_not_only_ask(method: str, path: str, expected: bool) -> None:
    """Prefect's API asks by POST as well."""
    assert is_change(Request(method, path)) is expected


def test_each_figure_has_its_own_median() -> None:
    """The median of one is not that of another."""
    assert median([_cost(1.0, 30), _cost(3.0, 10), _cost(2.0, 20)]) == _cost(2.0, 20)


def test_the_sentence_tells_how_many_times_as_long_prefect_takes() -> None:
    """A ratio for every case."""
    costs = {
        "one": {"imagebuild": _cost(2), "prefect deploy": _cost(5)},
        "two": {"imagebuild": _cost(4), "prefect deploy": _cost(3)},
    }
    assert sentence(costs) == (
        "prefect deploy takes with one 2.5 times, with two 0.8 times as long as imagebuild deploy."
    )


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, "0.0 kB"), (1450, "1.4 kB"), (99_900, "99.9 kB"), (2_000_000, "2.0 MB")],
)
def test_a_size_is_written_for_a_person(count: int, expected: str) -> None:
    """From a tenth of a megabyte on in megabytes."""
    assert size(count) == expected


def test_both_ways_may_keep_bytecode() -> None:
    """Whatever the shell that starts the race says."""
    assert with_bytecode({"PYTHONDONTWRITEBYTECODE": "1", "A": "b"}, Path("/f")) == {
        "A": "b",
        "PYTHONPYCACHEPREFIX": "/f/bytecode",
    }


def test_a_fresh_runner_keeps_the_settings_and_nothing_else() -> None:
    """Caches lie in HOME, whatever the user has set; where settings are is told."""
    user = {"HOME": "/u", "UV_CACHE_DIR": "/u/uv", "XDG_CACHE_HOME": "/u/c", "PREFECT_HOME": "/s"}
    told = {"PIP_CERT": "/ca", "DOCKER_CONFIG": "/d"}

    assert on_runner(user | told, Path("/empty")) == told | {
        "HOME": "/empty",
        "XDG_CONFIG_HOME": "/u/.config",
    }


def test_a_counting_proxy_counts_heads_and_bodies() -> None:
    """All that a client sends and is sent, over all its connections, until it is cleared."""
    asked = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        threading.Thread(target=_answer, args=(server, 2), daemon=True).start()
        with counting_http(f"127.0.0.1:{port}") as (proxy, address):
            for _ in range(2):
                _ask(address, asked)
            assert (proxy.sent, len(proxy.requests)) == (2 * len(asked), 2)
            assert proxy.answered >= 2 * len(ANSWER)  # and a head that was put in, for each
            proxy.clear()
            assert (proxy.sent, proxy.answered, proxy.requests) == (0, 0, [])


def _ask(address: str, asked: bytes) -> None:
    host, _, port = address.partition(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(asked)
        while connection.recv(4096):
            pass


def _answer(server: socket.socket, times: int) -> None:
    for _ in range(times):
        connection, _ = server.accept()
        with connection:
            received = b""
            while not received.endswith(b"hello"):
                received += connection.recv(4096)
            connection.sendall(ANSWER)
