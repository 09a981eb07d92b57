"""Reads what a Dockerfile of the user's own builds on, as BuildKit does; runs none of it.

The language: https://docs.docker.com/reference/dockerfile/
"""

from __future__ import annotations

from imagebuild.dockerfile.reading import PREDEFINED_ARGS, Dockerfile, parse

__all__ = ["PREDEFINED_ARGS", "Dockerfile", "parse"]
