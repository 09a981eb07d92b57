"""Bakes Prefect flow code into a container image, and makes the deployment run exactly it."""

__all__ = ["__version__"]

__version__ = "0.1.0"
