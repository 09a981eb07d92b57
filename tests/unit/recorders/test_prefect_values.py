"""Variables and blocks, from the answers of Prefect's API."""

from __future__ import annotations

from typing import Any

import pytest

from imagebuild.errors import Denied, UsageError
from imagebuild.recorders import prefect_values
from tests.unit.recorders.loopback import Said, api_at, serving


@pytest.mark.parametrize("value", ["text", 5, None, {"a": [1]}, ["x"]], ids=str)
def test_a_variable_is_its_value(value: Any) -> None:
    """Of any type; that it is null is not that there is none."""
    with serving(Said(200, {"name": "x", "value": value})) as server, api_at(server.url) as api:
        assert prefect_values.variable(api, "a/b") == {"value": value}
    assert server.asked[0].path == "/api/variables/name/a%2Fb"


def test_a_block_is_asked_for_with_its_secrets() -> None:
    """Prefect itself fills them in."""
    answer = Said(200, {"name": "token", "data": {"value": "hush"}})
    with serving(answer) as server, api_at(server.url) as api:
        assert prefect_values.block(api, "secret", "token") == {"value": "hush"}
    place = "/api/block_types/slug/secret/block_documents/name/token"
    assert server.asked[0].path == f"{place}?include_secrets=true"


def test_what_there_is_not_is_nothing() -> None:
    """And no error yet: whoever asked knows where it stands."""
    with serving(Said(404, {"detail": "Variable not found"})) as server, api_at(server.url) as api:
        assert prefect_values.variable(api, "x") is None
        assert prefect_values.block(api, "secret", "x") is None


@pytest.mark.parametrize(
    ("said", "kind"), [(Said(403, {"detail": "no"}), Denied), (Said(200, []), UsageError)]
)
def test_what_is_refused_is_an_error(said: Said, kind: type[Exception]) -> None:
    """As of any other call."""
    with serving(said) as server, api_at(server.url) as api, pytest.raises(kind):
        prefect_values.block(api, "secret", "x")
