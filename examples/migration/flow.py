from prefect import flow


@flow(log_prints=True)
def orders(day: str = "today") -> None:
    print(f"the orders of {day}")


@flow(log_prints=True)
def refunds(day: str = "today") -> None:
    print(f"the refunds of {day}")
