"""The steps of a prefect.yaml: build an image, push it."""
