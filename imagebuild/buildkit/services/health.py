"""The health check: the engine asks every few seconds, and drops a session that does not answer."""

from __future__ import annotations

from imagebuild.buildkit.messages import SERVING, HealthCheckRequest, HealthCheckResponse
from imagebuild.buildkit.rpc import Methods, Served, unary


def methods(served: Served) -> Methods:
    """https://github.com/grpc/grpc/blob/master/doc/health-checking.md."""

    def check(_: HealthCheckRequest) -> HealthCheckResponse:
        return HealthCheckResponse(status=SERVING)

    path = "/grpc.health.v1.Health/Check"
    return {path: unary(served, HealthCheckRequest, HealthCheckResponse, check)}
