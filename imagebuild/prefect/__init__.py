"""Prefect's own doors: images and storage for `.deploy(...)`, loaded when they are asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imagebuild.prefect.baked import Baked
    from imagebuild.prefect.flow_image import FlowImage

__all__ = ["Baked", "FlowImage"]

_HOMES = {"Baked": "imagebuild.prefect.baked", "FlowImage": "imagebuild.prefect.flow_image"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(importlib.import_module(_HOMES[name]), name)
