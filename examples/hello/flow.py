import platform

import emoji
from prefect import flow, task


@task
def greeting(name: str) -> str:
    return emoji.emojize(f":waving_hand: Hello, {name}!")


@flow(log_prints=True)
def hello(name: str = "world") -> str:
    text = greeting(name)
    print(f"{text} From container {platform.node()}")
    return text
