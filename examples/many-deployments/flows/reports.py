import os

from prefect import flow


@flow(log_prints=True)
def report(day: str = "today") -> str:
    """The report of one day."""
    text = f"the report of {day}, told at level {os.environ.get('LEVEL', 'none')}"
    print(text)
    return text
