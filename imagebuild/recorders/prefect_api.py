"""The few calls of Prefect's API that a deploy needs, and what their answers mean.

https://docs.prefect.io/v3/api-ref/rest-api
"""

from __future__ import annotations

import json
import threading
import uuid
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from imagebuild.errors import Denied, ImagebuildError, Unreachable, UsageError
from imagebuild.printable import printable
from imagebuild.recorders.answers import Misfit, read
from imagebuild.recorders.prefect_http import READING, Answer, Patience, Transport
from imagebuild.recorders.prefect_models import (
    CsrfAnswer,
    DeploymentAnswer,
    PoolAnswer,
    PoolAnswers,
    QueueAnswers,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from imagebuild.state import Deployment, Pool

_PAGE = 200
_SHORT = 200
_ADDRESS = "check PREFECT_API_URL: it usually ends in /api"
_Model = TypeVar("_Model")


class PrefectApi:
    """Prefect's API at one address.

    Each call raises `Unreachable` where no answer came or the server asks to come again later,
    `Denied` for 401 and 403, `UsageError` where something else than Prefect's API answered, and
    `ImagebuildError` for what the server refused.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._csrf: dict[str, str] = {}
        self._csrf_lock = threading.Lock()

    def deployment(self, flow: str, name: str, patience: Patience = READING) -> Deployment | None:
        """A deployment by its flow and name, or None where there is none."""
        path = f"/deployments/name/{quote(flow, safe='')}/{quote(name, safe='')}"
        what = f"read the deployment {flow}/{name}"
        found = self._read(path, DeploymentAnswer, what, patience)
        return found.value() if found else None

    def pool(self, name: str, patience: Patience = READING) -> Pool | None:
        """A work pool by its name, or None where there is none."""
        path = f"/work_pools/{quote(name, safe='')}"
        found = self._read(path, PoolAnswer, f"read the work pool {name!r}", patience)
        return found.value() if found else None

    def pools(self) -> list[Pool]:
        """All work pools."""
        what = "list the work pools"
        pages = self._pages("/work_pools/filter", PoolAnswers, "pools", what)
        return [pool.value() for page in pages for pool in page.pools]

    def queues(self, pool: str, patience: Patience) -> list[str]:
        """The names of a pool's work queues."""
        path, what = f"/work_pools/{quote(pool, safe='')}/queues/filter", "list the work queues"
        pages = self._pages(path, QueueAnswers, "queues", what, patience)
        return [queue.name for page in pages for queue in page.queues]

    def update(self, deployment_id: str, fields: Mapping[str, Any], patience: Patience) -> None:
        """Set some fields of a deployment, and no others."""
        path = f"/deployments/{quote(deployment_id, safe='')}"
        good(self.send("PATCH", path, fields, patience), "change the deployment")

    def add_schedules(
        self, deployment_id: str, schedules: Sequence[Mapping[str, Any]], patience: Patience
    ) -> bool:
        """Make schedules, all or none; whether the server keeps their `slug`, as older ones do not.

        Where another has the slug already, nothing is made: an earlier try may have arrived.
        """
        path, what = f"/deployments/{quote(deployment_id, safe='')}/schedules", "add the schedules"
        answer = self.send("POST", path, list(schedules), patience)
        marked = answer.status != 422 or "slug" not in _refused_fields(answer)
        if not marked:
            bare = [{k: v for k, v in one.items() if k != "slug"} for one in schedules]
            answer = self.send("POST", path, bare, Patience(1, 0))  # twice would be two of them
        if answer.status != 409:
            good(answer, what)
        return marked

    def change_schedule(
        self, deployment_id: str, schedule: Mapping[str, Any], patience: Patience
    ) -> None:
        """Set what is named of a schedule, and its parameters, which else are emptied.

        One that is gone stays gone.
        """
        sent = {key: value for key, value in schedule.items() if key != "id"}
        path = f"/deployments/{quote(deployment_id, safe='')}/schedules/{schedule['id']}"
        answer = self.send("PATCH", path, sent, patience)
        if answer.status != 404 or _detail(answer) == "Not Found":
            good(answer, "change a schedule")

    def delete_schedule(self, deployment_id: str, schedule_id: str, patience: Patience) -> None:
        """Delete a schedule, if it is there."""
        path = f"/deployments/{quote(deployment_id, safe='')}/schedules/{schedule_id}"
        answer = self.send("DELETE", path, None, patience)
        if answer.status != 404 or _detail(answer) == "Not Found":
            good(answer, "delete a schedule")

    def send(self, method: str, path: str, value: object, patience: Patience = READING) -> Answer:
        """Send a body, if any, with a token against forgery once the server has asked for one."""
        body = None if value is None else json.dumps(value).encode()
        for _ in range(2):
            sent = self._csrf
            answer = self._transport.send(method, path, body, headers=sent, patience=patience)
            if answer.status != 403 or "CSRF" not in _detail(answer):
                break
            self._fetch_csrf(stale=sent)
        return answer

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _read(self, path: str, model: type[_Model], what: str, patience: Patience) -> _Model | None:
        answer = self._transport.send("GET", path, patience=patience)
        if answer.status == 404:
            # A path that the server does not know has these words; a name that it does not know
            # has others. Whoever says them for both (a Prefect Cloud to come) is asked again.
            if _detail(answer) == "Not Found" and not self._answers():
                raise _stranger(what, answer)
            return None
        return parsed(good(answer, what), model, what)

    def _pages(
        self, path: str, model: type[_Model], inside: str, what: str, patience: Patience = READING
    ) -> Iterator[_Model]:
        offset = 0
        while True:
            answer = self.send("POST", path, {"limit": _PAGE, "offset": offset}, patience)
            page = parsed(good(answer, what), model, what, inside)
            yield page
            if len(getattr(page, inside)) < _PAGE:
                return
            offset += _PAGE

    def _answers(self) -> bool:
        answer = self.send("POST", "/work_pools/filter", {"limit": 1})
        return answer.status == 200

    def _fetch_csrf(self, stale: Mapping[str, str]) -> None:
        """https://docs.prefect.io/v3/advanced/security-settings#enable-csrf-protection."""
        with self._csrf_lock:
            if self._csrf is not stale:
                return
            client = str(uuid.uuid4())
            what = "get a CSRF token"
            answer = self._transport.send("GET", f"/csrf-token?client={client}")
            token = parsed(good(answer, what), CsrfAnswer, what).token
            self._csrf = {"Prefect-Csrf-Token": token, "Prefect-Csrf-Client": client}


def good(answer: Answer, what: str) -> Answer:
    """The answer, if it is one to be content with; else the error that it means."""
    if 200 <= answer.status < 300:
        return answer
    message = f"cannot {what}"
    causes = (f"{answer.request}: {answer.status}: {_detail(answer) or 'no reason was given'}",)
    if answer.status in {401, 403}:
        hint = (
            "set PREFECT_API_KEY for Prefect Cloud, PREFECT_API_AUTH_STRING for a server of your "
            "own, or check what they allow"
        )
        raise Denied(message, causes=causes, hint=hint)
    if answer.status in {408, 429} or answer.status >= 500:
        raise Unreachable(message, causes=causes, hint="try again later")
    if answer.status in {404, 405} and _detail(answer) in {"Not Found", "Method Not Allowed"}:
        raise _stranger(what, answer)
    raise ImagebuildError(message, causes=causes)


def parsed(answer: Answer, model: type[_Model], what: str, inside: str | None = None) -> _Model:
    """What an answer says, by a model; `inside` is the field for one that is a list.

    Raises `UsageError` where it says something else.
    """
    try:
        value = json.loads(answer.body)
    except ValueError as error:
        raise _stranger(what, answer) from error
    try:
        return read(model, {inside: value} if inside else value)
    except Misfit as error:
        causes = (f"{answer.request}: {printable(str(error))}",)
        message = f"cannot {what}: the answer is not one of Prefect's API"
        raise UsageError(message, causes=causes, hint=_ADDRESS) from error


def _stranger(what: str, answer: Answer) -> UsageError:
    kind = printable(answer.type.partition(";")[0]) or "nothing readable"
    causes = (f"{answer.request} was answered with {answer.status} and {kind}",)
    message = f"cannot {what}: this is not Prefect's API"
    return UsageError(message, causes=causes, hint=_ADDRESS)


def _detail(answer: Answer) -> str:
    """What the server says is wrong: FastAPI's `detail`, or Prefect's own two fields."""
    value = _json(answer)
    if not isinstance(value, dict):
        return ""
    said = value.get("detail") or value.get("exception_detail") or value.get("exception_message")
    if isinstance(said, list) and all(isinstance(one, dict) and "msg" in one for one in said):
        said = "; ".join(_complaints(said))
    return printable(said if isinstance(said, str) else json.dumps(said)) if said else ""


def _complaints(said: list[dict[str, Any]]) -> list[str]:
    """What pydantic says is wrong, without what it says of the other members of a union."""
    other = {"missing", "extra_forbidden"}
    for left_out in (other | {"string_pattern_mismatch"}, other, set()):
        found = [one for one in said if one.get("type") not in left_out]
        if found:
            break
    return [f"{(one.get('loc') or ['body'])[-1]}: {str(one['msg'])[:_SHORT]}" for one in found]


def _refused_fields(answer: Answer) -> set[object]:
    """The names of the fields that a server does not know."""
    value = _json(answer)
    said = value.get("exception_detail") if isinstance(value, dict) else None
    unknown = [one for one in said or () if isinstance(one, dict)]
    return {one["loc"][-1] for one in unknown if one.get("type") == "extra_forbidden"}


def _json(answer: Answer) -> Any:
    try:
        return json.loads(answer.body)
    except ValueError:
        return None
