"""Which schedules are refused without asking anybody."""

from __future__ import annotations

import zoneinfo

import pytest

from imagebuild.errors import UsageError
from imagebuild.record import Schedule
from imagebuild.recorders.schedule_checks import check
from tests.support.schedules import BAD_CRON, BAD_RULES, GOOD_CRON, GOOD_RULES


@pytest.mark.parametrize("text", GOOD_CRON)
def test_a_cron_expression_is_taken(text: str) -> None:
    """In every form that Prefect's server takes."""
    check([Schedule("cron", text)])


@pytest.mark.parametrize(("text", "why"), BAD_CRON.items())
def test_a_cron_expression_that_is_none_is_refused(text: str, why: str) -> None:
    """With the field at fault."""
    with pytest.raises(UsageError, match="is no cron expression") as caught:
        check([Schedule("cron", text)])
    assert why in caught.value.causes[0]


@pytest.mark.parametrize("text", GOOD_RULES)
def test_a_recurrence_rule_is_taken(text: str) -> None:
    """With and without its start, in small letters, with dates."""
    check([Schedule("rrule", text)])


@pytest.mark.parametrize(("text", "why"), BAD_RULES.items())
def test_a_recurrence_rule_that_is_none_is_refused(text: str, why: str) -> None:
    """With what is wrong."""
    with pytest.raises(UsageError, match="is no recurrence rule") as caught:
        check([Schedule("rrule", text)])
    assert why in caught.value.causes[0]


@pytest.mark.parametrize("value", [0, -1, 1e-9, float("nan"), float("inf"), 1e20, "an hour"])
def test_an_interval_that_is_none_is_refused(value: str | float) -> None:
    """It counts seconds."""
    with pytest.raises(UsageError, match="an interval cannot be"):
        check([Schedule("interval", value)])
    check([Schedule("interval", 0.5), Schedule("interval", "60")])


def test_an_unknown_time_zone_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where this machine surely knows them all."""
    zones = {"US/Eastern", "Europe/Berlin", "UTC"}
    monkeypatch.setattr(zoneinfo, "available_timezones", lambda: zones)
    check([Schedule("cron", "@daily", "Europe/Berlin"), Schedule("cron", "@daily")])
    with pytest.raises(UsageError, match="no time zone 'Europe/Berln'") as caught:
        check([Schedule("interval", 60, "Europe/Berln")])
    assert caught.value.hint == "did you mean 'Europe/Berlin'?"
    with pytest.raises(UsageError) as caught:
        check([Schedule("interval", 60, "zzz")])
    assert "America/New_York" in str(caught.value.hint)


@pytest.mark.parametrize("known", [set(), {"UTC", "Europe/Berlin"}])
def test_a_machine_with_few_time_zones_refuses_none(
    monkeypatch: pytest.MonkeyPatch, known: set[str]
) -> None:
    """Prefect's server knows more."""
    monkeypatch.setattr(zoneinfo, "available_timezones", lambda: known)
    check([Schedule("cron", "@daily", "US/Eastern")])
