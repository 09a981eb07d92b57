"""The label that tells which flows an image holds: by entrypoint, digits that stand for each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

FLOWS_LABEL = "io.imagebuild.flows"


def label_of(flows: Mapping[str, str]) -> dict[str, str]:
    """The label for these flows; none where there are none."""
    text = json.dumps(flows, sort_keys=True, separators=(",", ":"))
    return {FLOWS_LABEL: text} if flows else {}


def flow_in(labels: Mapping[str, str], entrypoint: str) -> str | None:
    """What the labels of an image tell of a flow; None where they are not ours."""
    try:
        flows = json.loads(labels.get(FLOWS_LABEL, "{}"))
    except ValueError:
        return None
    return flows.get(entrypoint) if isinstance(flows, dict) else None
