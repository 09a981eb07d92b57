from prefect import flow


@flow(log_prints=True)
def report(day: str = "today") -> str:
    """What happened on a day."""
    text = f"the report of {day}"
    print(text)
    return text
