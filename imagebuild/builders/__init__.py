"""What builds images: one file each, one line here."""

BUILDERS = {
    "auto": "imagebuild.builders.append:AppendBuilder",
    "docker": "imagebuild.builders.docker:DockerBuilder",
    "classic": "imagebuild.builders.classic:ClassicBuilder",
    "oci": "imagebuild.builders.append:AppendBuilder",
}
# Who builds for `--output`, which is no engine and no registry.
LAYOUT_BUILDER = "imagebuild.builders.layout:LayoutBuilder"
