from prefect import flow


@flow(log_prints=True)
def nightly(day: str = "today") -> None:
    print(f"the night of {day}")


if __name__ == "__main__":
    nightly()
