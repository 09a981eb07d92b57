"""Schedules that Prefect's server takes, and some that it refuses, with our reason for each."""

from __future__ import annotations

GOOD_CRON = [
    "0 6 * * *",
    "*/5 0-6,12 1,15 jan-mar mon-fri",
    "10/15 * * * *",
    "0 0 1 1 0",
    "0 0 * * 7",
    "0 0 l * *",
    "0 0 ? * 1",
    "0 0 * * mon#1",
    "0 0 * * l5",
    "0 22 * * fri-mon",
    "59 23 31 12 6 30",
    "0 0 1 1 * 0 2030",
    "@Daily",
]
BAD_CRON = {
    "": "0 fields",
    "0 6 * *": "4 fields",
    "0 0 1 1 * 0 2030 1": "8 fields",
    "60 * * * *": "'60' is no minute",
    "* 24 * * *": "'24' is no hour",
    "* * 0 * *": "'0' is no day of the month",
    "* * 32 * *": "'32' is no day of the month",
    "* * * 13 *": "'13' is no month",
    "* * * * 8": "'8' is no day of the week",
    "* * * * * 60": "'60' is no second",
    "0 0 1 1 * 0 1969": "'1969' is no year",
    "* * * foo *": "'foo' is no month",
    "mon * * * *": "'mon' is no minute",
    "*/0 * * * *": "'*/0' is no minute",
    "5- * * * *": "'5-' is no minute",
    "-5 * * * *": "'-5' is no minute",
    "1,,2 * * * *": "'' is no minute",
    "h * * * *": "'h' is no minute",
    "@never": "1 fields",
}
GOOD_RULES = [
    "FREQ=DAILY",
    "freq=weekly;byday=mo,we;byhour=6",
    "RRULE:FREQ=MONTHLY;INTERVAL=2;COUNT=3",
    "DTSTART:20250101T060000\nRRULE:FREQ=DAILY\nEXDATE:20250102T060000",
    "FREQ=HOURLY;UNTIL=20300101T000000",
]
BAD_RULES = {
    "": "empty",
    "FREQ=NOPE": "FREQ cannot be NOPE",
    "INTERVAL=2": "no FREQ",
    "every day": "no FREQ",
    "FREQ=DAILY;COUNT=many": "COUNT cannot be MANY",
    "FREQ=DAILY;INTERVAL=": "INTERVAL cannot be empty",
    "RRULE:FREQ=DAILY\nEXRULE:COUNT=1": "no FREQ",
    "FREQ=DAILY;BYHOUR=" + "1," * 3300 + "1": "characters",
}
