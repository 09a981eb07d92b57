"""Who is asked about what a registry holds: one file each, one line here."""

REGISTRIES = {
    "engine": "imagebuild.registries.engine:EngineRegistry",
    "http": "imagebuild.registries.http:HttpRegistry",
    "layout": "imagebuild.registries.layout:LayoutRegistry",
}
