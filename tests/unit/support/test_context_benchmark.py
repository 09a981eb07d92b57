"""The large-context benchmark's own arithmetic: what it reads, fills in and prints."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from rich.console import Console

from tests.benchmarks.contexts import row, tools
from tests.benchmarks.figures import COMMAND, Row, table
from tests.benchmarks.measuring import Measured, measure, sent_bytes


@pytest.mark.parametrize(
    ("output", "sent"),
    [
        ("Sending build context to Docker daemon  106.7MB\r\r\nStep 1/2", 106_700_000),
        (
            "#3 transferring context: 61.65MB 5.1s\n#3 transferring context: 99.86MB done",
            99_860_000,
        ),
        ("#2 transferring context: 60B done\n#3 transferring context: 5.5kB", 5500),
        ("  sent 100001 files, 102.5 MB\n", 102_500_000),
        ("  sent 1 file, 319 B\n", 319),
        ("#1 transferring dockerfile: 64B done\n", None),
    ],
)
def test_what_a_build_says_that_it_sent_is_read(output: str, sent: int | None) -> None:
    """Docker's or ours; the largest of the lines that grow; the Dockerfile is no part of it."""
    assert sent_bytes(output) == sent


def test_a_run_of_ours_tells_in_json_and_one_of_docker_in_words() -> None:
    """Both become a row."""
    ours = row("cold", "imagebuild", Measured(2.0, 10, '{"sent": 7, "found": 0.5}'))
    docker = row("cold", "buildx", Measured(3.0, 20, "#3 transferring context: 5B done"))

    assert ours == Row("cold", "imagebuild", 2.0, 7, 10, 0.5)
    assert docker == Row("cold", "buildx", 3.0, 5, 20)


def test_buildx_takes_part_where_it_can_be_had() -> None:
    """The others always do, and only a cold build is told to use no cache."""
    lacking = [tool.name for tool in tools(None) if tool.lacks]
    with_buildx = tools(Path("/config"))
    [buildx] = [tool for tool in with_buildx if tool.name == "buildx"]

    assert lacking == ["buildx"]
    assert [tool.name for tool in with_buildx if tool.lacks] == []
    assert "--no-cache" in buildx.command("cold", Path("/root"))
    assert "--no-cache" not in buildx.command("nothing changed", Path("/root"))


def test_each_case_is_compared_with_our_command() -> None:
    """In the order of the cases, whatever the order of the runs."""
    rows = [
        Row("cold", COMMAND, 2.0, 10**6, 10**8, 0.5),
        Row("nothing changed", COMMAND, 1.0, None, 10**8),
        Row("cold", "buildx", 3.0, None, 10**8),
        Row("cold", "sdk-packer", 8.0, None, 10**8, stopped=True),
    ]
    console = Console(file=io.StringIO(), width=120)
    console.print(table(rows))
    assert isinstance(console.file, io.StringIO)
    lines = [line.replace("│", " ").split() for line in console.file.getvalue().splitlines()]

    assert ["cold", "imagebuild", "build", "2.0", "1.00", "0.5", "1.0", "100"] in lines
    assert ["cold", "buildx", "3.0", "1.50", "100"] in lines
    assert ["cold", "sdk-packer", ">", "8.0", ">", "4.00", "100"] in lines
    assert ["nothing", "changed", "imagebuild", "build", "1.0", "1.00", "100"] in lines


def test_a_program_is_run_to_its_end_or_to_its_limit() -> None:
    """What it printed is kept; a failure is an error, and being stopped is none."""
    ended = measure([sys.executable, "-c", "print('x' * 3)"], {}, 60)
    stopped = measure(["sleep", "60"], {}, 0.05)

    assert (ended.output, ended.stopped) == ("xxx\n", False)
    assert ended.peak > 10**6
    assert (stopped.output, stopped.stopped) == ("", True)
    with pytest.raises(RuntimeError, match="ended with 3"):
        measure(["sh", "-c", "exit 3"], {}, 60)
