import subprocess

from greeting import greeting
from prefect import flow


@flow(log_prints=True)
def hello(name: str = "world") -> str:
    said = subprocess.run(
        ["hello", f"--greeting={greeting(name)}"], capture_output=True, text=True, check=True
    )
    text = said.stdout.strip()
    print(text)
    return text
