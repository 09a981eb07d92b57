"""A way to the registry on which tools race, and how one run of a tool is measured on it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.benchmarks.chains import longest_chain
from tests.benchmarks.counting import counting_http
from tests.benchmarks.race_figures import Push, Result
from tests.support import SetupError
from tests.support.delays import delayed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Protocol

    from tests.benchmarks.counting import CountingProxy
    from tests.support.proxies import Address

    class Racer(Protocol):
        """A tool that brings a change into the registry."""

        name: str

        def prepare(self, track: Track) -> None:
            """Have everything ready, once for each track; raises `SetupError` where it cannot."""

        def change(self, track: Track, line: str) -> None:
            """Make the change, before the time begins."""

        def commands(self, track: Track) -> Sequence[Sequence[str]]:
            """Give the commands whose time is taken, one after the other."""


_WARM_UP: Final = 120.0


@dataclass(frozen=True)
class Track:
    """The registry as `localhost:port`, behind a counter, and what commands run with there."""

    host: str
    proxy: CountingProxy
    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    far: bool = False

    def name(self, racer: str) -> str:
        """The image that a racer pushes."""
        return f"{self.host}/race/{racer}:v1"

    def measure(self, commands: Sequence[Sequence[str]], limit: float) -> Push:
        """Run commands to their end, and count; raises `SetupError` with the words of a failure."""
        self.proxy.clear()
        began, stopped = time.monotonic(), False
        for argv in commands:
            left = limit - (time.monotonic() - began)
            stopped = stopped or not run(argv, self.variables, left, self.folder)
        return Push(
            time.monotonic() - began,
            len(self.proxy.requests),
            self.proxy.sent,
            longest_chain(self.proxy.requests) if self.far else None,
            stopped,
        )


def run(argv: Sequence[str], variables: Mapping[str, str], limit: float, folder: Path) -> bool:
    """Run a program, and tell whether it came to its end within the seconds."""
    with subprocess.Popen(
        argv,
        cwd=folder,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            said, _ = process.communicate(timeout=max(limit, 0.001))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return False
    if process.returncode:
        message = f"{' '.join(argv)} ended with {process.returncode}:\n{said[-2000:]}"
        raise SetupError(message)
    return True


@contextmanager
def near(target: Address, folder: Path, variables: Mapping[str, str]) -> Iterator[Track]:
    """The registry as this machine has it."""
    assert isinstance(target, tuple)
    with counting_http(f"{target[0]}:{target[1]}") as (proxy, host):
        yield Track(host, proxy, folder, variables)


@contextmanager
def far(
    target: Address, folder: Path, variables: Mapping[str, str], seconds: float
) -> Iterator[Track]:
    """The same registry, to and from which everything takes so long."""
    assert isinstance(target, tuple)
    with (
        delayed(target, seconds) as (host, port),
        counting_http(f"{host}:{port}") as (proxy, name),
    ):
        yield Track(name, proxy, folder, variables, far=True)


def race(racers: Sequence[Racer], track: Track, rounds: int, limit: float) -> list[Result]:
    """Let each prepare and run once unmeasured, then in turns; who begins changes each round."""
    lacks = {racer.name: _warm_up(racer, track) for racer in racers}
    ready = [racer for racer in racers if not lacks[racer.name]]
    runs: dict[str, list[Push]] = defaultdict(list)
    for number in range(rounds):
        for racer in ready if number % 2 == 0 else reversed(ready):
            racer.change(track, f"change {number}")
            runs[racer.name].append(track.measure(racer.commands(track), limit))
    return [Result(racer.name, runs[racer.name], lacks[racer.name]) for racer in racers]


def _warm_up(racer: Racer, track: Track) -> str:
    """Why it cannot run here, if it cannot."""
    try:
        racer.prepare(track)
        racer.change(track, "warm-up")
        track.measure(racer.commands(track), _WARM_UP)
    except (SetupError, OSError) as error:
        return str(error).strip().splitlines()[-1]
    return ""
