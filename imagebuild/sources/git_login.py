"""Who git says it is at one host, without a secret in any argument or file.

https://git-scm.com/docs/gitcredentials
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

from imagebuild.errors import Denied, UsageError
from imagebuild.sources.references import Reference

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagebuild.sources.git_address import Address
    from imagebuild.sources.references import ReadBlock

_USER, _PASSWORD = "IMAGEBUILD_GIT_USER", "IMAGEBUILD_GIT_PASSWORD"
# git appends what it wants: `get`, `store` or `erase`. The shell's own printf starts no program.
_HELPER = (
    f'!f() {{ if [ "$1" = get ]; then printf "username=%s\\npassword=%s\\n" '
    f'"${_USER}" "${_PASSWORD}"; fi; }}; f'
)
# https://docs.github.com/en/rest/authentication, https://docs.gitlab.com/topics/git/clone/,
# https://support.atlassian.com/bitbucket-cloud/docs/using-access-tokens/
_USERS = {"github": "x-access-token", "gitlab": "oauth2", "bitbucket": "x-token-auth"}
_OTHER_USER = "git"
_SECRETS = ("value", "token", "password")


@dataclass(frozen=True)
class Login:
    """A name and a secret for one host; `reference` is where they were found."""

    host: str
    reference: Reference
    user: str = field(repr=False)
    password: str = field(repr=False)

    def settings(self) -> list[tuple[str, str]]:
        """Git's settings: an empty helper forgets those of the user, for this host alone."""
        key = f"credential.{self.host}.helper"
        return [(key, ""), (key, _HELPER)]

    def variables(self) -> dict[str, str]:
        """What the helper prints; and no program asks for what it does not know."""
        return {_USER: self.user, _PASSWORD: self.password, "GIT_ASKPASS": ""}

    def redacted(self, text: str) -> str:
        """The text without the secret, in any form that it is sent in."""
        both = f"{self.user}:{self.password}".encode()
        forms = {self.password, quote(self.password, safe=""), base64.b64encode(both).decode()}
        for form in sorted(forms, key=len, reverse=True):
            text = text.replace(form, "***")
        return text


def check_reference(text: str, address: Address) -> Reference:
    """Read the reference; raises `UsageError` where nobody asks for a password."""
    reference = Reference.parse(text)
    if address.scheme not in {"http", "https"}:
        message = f"cannot use {reference} for {address.shown}"
        cause = "ssh takes keys, no tokens" if address.scheme == "ssh" else "it is on this machine"
        raise UsageError(message, causes=(cause,), hint="leave --source-credentials out")
    return reference


def login_at(
    address: Address, reference: Reference, env: Mapping[str, str], read_block: ReadBlock
) -> Login:
    """The login that a reference means; raises `Denied` where there is no secret."""
    fields = reference.value(env, read_block)
    secret = next((str(fields[key]) for key in _SECRETS if fields.get(key)), "").strip()
    user = fields.get("username")
    if user is None and ":" in secret and "value" in fields:
        user, _, secret = secret.partition(":")  # as Prefect's own git_clone takes it
    if not secret or not secret.isprintable():
        message = f"{reference} has no token for {address.shown}"
        raise Denied(message, hint="it needs a value, a token or a password, on one line")
    kinds = (kind for kind in _USERS if kind in f"{address.host} {reference.kind}")
    name = str(user) if user else _USERS.get(next(kinds, ""), _OTHER_USER)
    if not name.isprintable():
        message = f"{reference} has no user's name that git can send"
        raise Denied(message, hint="it is one line")
    return Login(f"{address.scheme}://{address.host}", reference, name, secret)
