"""A client of container registries that could stand alone: credentials, transport, repositories.

    with closing(Registries(os.environ, Logins(os.environ))) as registries:
        repository = registries.repository(ImageName.parse("ghcr.io/team/app"))
        manifest = repository.get_manifest("v1")

The protocol: https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""
