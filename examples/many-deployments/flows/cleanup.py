from prefect import flow


@flow(log_prints=True)
def cleanup(keep: int = 30) -> int:
    """Delete what is older than some days."""
    print(f"kept {keep} days")
    return keep
