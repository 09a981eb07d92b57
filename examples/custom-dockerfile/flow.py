import os

import emoji
from prefect import flow


@flow(log_prints=True)
def greet(name: str = "world") -> str:
    text = emoji.emojize(f":waving_hand: {os.environ['GREETING']}, {name}!")
    print(text)
    return text
