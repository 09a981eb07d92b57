"""Registry credentials: the engine pulls base images as the user who builds."""

from __future__ import annotations

from imagebuild.buildkit.messages import CredentialsRequest, CredentialsResponse
from imagebuild.buildkit.rpc import Methods, Served, unary


def methods(served: Served) -> Methods:
    """https://github.com/moby/buildkit/blob/master/session/auth/auth.proto.

    `FetchToken` is not offered: without it the engine fetches its tokens itself.
    """

    def credentials(request: CredentialsRequest) -> CredentialsResponse:
        found = served.credentials(request.host)
        if found is None:
            return CredentialsResponse()
        return CredentialsResponse(username=found.username, secret=found.secret)

    path = "/moby.filesync.v1.Auth/Credentials"
    return {path: unary(served, CredentialsRequest, CredentialsResponse, credentials)}
