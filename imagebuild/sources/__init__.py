"""Where flow code comes from: one file each, one line here."""

SOURCES = {"local": "imagebuild.sources.local:LocalSource"}
