"""Prefect's own doors: images and storage for `.deploy(...)`."""
