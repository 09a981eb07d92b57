"""What builds images: one file each, one line here."""

BUILDERS = {
    "docker": "imagebuild.builders.docker:DockerBuilder",
    "classic": "imagebuild.builders.classic:ClassicBuilder",
}
