"""The images that the set-up needs: pulled where a registry answers, else built from packages."""

from tests.support.images.recipe import PREFECT, REGISTRY, ensure

__all__ = ["PREFECT", "REGISTRY", "ensure"]
