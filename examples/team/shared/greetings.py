"""What both flows say."""


def greet(words: str, team: str) -> str:
    return f"{words}, {team} team!"
