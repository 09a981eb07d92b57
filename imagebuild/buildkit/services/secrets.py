"""Build secrets, for `RUN --mount=type=secret,id=…`; they never enter a layer."""

from __future__ import annotations

from grpclib.const import Status

from imagebuild.buildkit.messages import GetSecretRequest, GetSecretResponse
from imagebuild.buildkit.rpc import Methods, Served, unary


def methods(served: Served) -> Methods:
    """https://github.com/moby/buildkit/blob/master/session/secrets/secrets.proto."""

    def secret(request: GetSecretRequest) -> GetSecretResponse:
        if request.id not in served.secrets:
            # NOT_FOUND lets the engine decide: an optional secret may be missing.
            raise served.refusal(Status.NOT_FOUND, f"no secret {request.id!r} was given")
        return GetSecretResponse(data=served.secrets[request.id])

    path = "/moby.buildkit.secrets.v1.Secrets/GetSecret"
    return {path: unary(served, GetSecretRequest, GetSecretResponse, secret)}
