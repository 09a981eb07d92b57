"""The Docker Engine: the one door to the Docker SDK, and the place where its errors end."""

from imagebuild.engine.client import Engine
from imagebuild.engine.errors import EngineRefused
from imagebuild.engine.logins import Logins

__all__ = ["Engine", "EngineRefused", "Logins"]
