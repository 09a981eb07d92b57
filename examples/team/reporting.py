"""Two flows in one project, with a module that they share."""

from prefect import flow
from shared.greetings import greet


@flow(name="morning-report", log_prints=True)
def morning(team: str = "data") -> None:
    print(greet("Good morning", team))


@flow(name="evening-report", log_prints=True)
def evening(team: str = "data") -> None:
    print(greet("Good evening", team))
