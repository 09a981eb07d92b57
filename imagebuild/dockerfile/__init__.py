"""Reads what a Dockerfile builds on and what it adds, as BuildKit does; runs none of it.

The language: https://docs.docker.com/reference/dockerfile/
"""

from __future__ import annotations

from imagebuild.dockerfile.code import (
    ENVIRONMENT_STAGE,
    CodePart,
    NotData,
    bare_directory,
    code_part,
    environment_reads,
)
from imagebuild.dockerfile.reading import PREDEFINED_ARGS, Dockerfile, parse

__all__ = [
    "ENVIRONMENT_STAGE",
    "PREDEFINED_ARGS",
    "CodePart",
    "Dockerfile",
    "NotData",
    "bare_directory",
    "code_part",
    "environment_reads",
    "parse",
]
