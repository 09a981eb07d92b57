"""Bakes Prefect flow code into a container image, and makes the deployment run exactly it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imagebuild.prefect import Baked, FlowImage

__all__ = ["Baked", "FlowImage", "__version__"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in {"Baked", "FlowImage"}:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    from imagebuild import prefect

    return getattr(prefect, name)
