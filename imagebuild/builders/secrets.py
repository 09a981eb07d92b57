"""The secrets that a step may mount: files and variables, read when a step asks for them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from imagebuild.errors import UsageError

if TYPE_CHECKING:
    from imagebuild.request import Secret


class Secrets(Mapping[str, bytes]):
    """The values by id; each is read anew whenever it is asked for, and kept nowhere."""

    def __init__(self, secrets: tuple[Secret, ...], env: Mapping[str, str]) -> None:
        self._secrets = {secret.id: secret for secret in secrets}
        self._env = env

    def __getitem__(self, name: str) -> bytes:
        """The value; raises `UsageError` where its file or variable is not there."""
        return _value(self._secrets[name], self._env)

    def __contains__(self, name: object) -> bool:
        return name in self._secrets

    def __iter__(self) -> Iterator[str]:
        return iter(self._secrets)

    def __len__(self) -> int:
        return len(self._secrets)


def _value(secret: Secret, env: Mapping[str, str]) -> bytes:
    message = f"cannot give the build the secret {secret.id!r}"
    if secret.variable is not None:
        if secret.variable not in env:
            cause = f"the variable {secret.variable} is not set"
            raise UsageError(message, causes=(cause,), hint=f"export {secret.variable}")
        return os.fsencode(env[secret.variable])
    if secret.file is None:
        raise UsageError(message, causes=("neither a file nor a variable is named",))
    try:
        return secret.file.read_bytes()
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        raise UsageError(message, causes=(f"{secret.file}: {reason}",)) from error
