"""Where flow code comes from: one file each, one line here.

All but the first are opened by what was asked for (a `SourceRequest`), the folder that the user
stands in, where checkouts are kept, the environment, and a reader of Prefect's blocks.
"""

SOURCES = {
    "local": "imagebuild.sources.local:LocalSource",
    "folder": "imagebuild.sources.local:open_folder",
    "git": "imagebuild.sources.git:open_git",
    "blob": "imagebuild.sources.blob:open_blob",
    "storage": "imagebuild.sources.storage:open_storage",
}
