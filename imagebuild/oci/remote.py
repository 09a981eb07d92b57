"""Images as registries hold them, read once in a run, and not at all where they are remembered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from imagebuild.errors import ImagebuildError
from imagebuild.oci.configs import Config
from imagebuild.oci.descriptors import INDEXES, BadManifest, Manifest, digest_of_bytes
from imagebuild.oci.manifests import ImageManifest, for_platform

if TYPE_CHECKING:
    from imagebuild.names import ImageName
    from imagebuild.oci.cache import Cache
    from imagebuild.oci.client import Registries, Repository


class Unusable(ImagebuildError):
    """What a registry has under a name is no image."""


@dataclass(frozen=True)
class RemoteImage:
    """An image in a registry or a layout: its manifest's bytes, what they say, and its config."""

    data: bytes
    manifest: ImageManifest
    config: Config

    @property
    def digest(self) -> str:
        """What the manifest is called there."""
        return digest_of_bytes(self.data)


@dataclass
class Remote:
    """What registries hold, by the client and by what is remembered."""

    registries: Registries
    cache: Cache
    _digests: dict[str, str | None] = field(default_factory=dict)

    def repository(self, name: ImageName) -> Repository:
        """The repository of a name, where something will be pushed."""
        return self.registries.repository(name, push=True)

    def reading(self, name: ImageName) -> Repository:
        """The repository of a name, where nothing will be pushed."""
        return self.registries.repository(name)

    def knows_login(self, name: ImageName) -> bool:
        """Whether there are credentials for it; raises `Denied` where they cannot be had."""
        return bool(self.registries.login(name))

    def digest(self, name: ImageName) -> str | None:
        """The digest of the manifest under a name now; None where there is none."""
        key = key_of(name)
        if key not in self._digests:
            found = self.reading(name).head_manifest(reference_of(name))
            digest = self._digests[key] = found.digest if found else None
            if self.cache.meaning(key) not in {None, digest}:
                self.cache.learn(key, digest)
        return self._digests[key]

    def image(self, name: ImageName, platform: str, *, push: bool = True) -> RemoteImage | None:
        """The image for a platform under a name, as it is, or as it was not long ago.

        `push` says whether something will be pushed there, so that one token is enough. None where
        there is none, or none for the platform. Raises as the client does, and `Unusable` for what
        is no image.
        """
        remembered = name.digest or self.cache.meaning(key_of(name))
        if remembered and (image := self._remembered(remembered)):
            return image
        repository, key = self.repository(name) if push else self.reading(name), key_of(name)
        fetched = repository.get_manifest(reference_of(name))
        self._digests[key] = fetched.digest if fetched else None
        if fetched is None:
            return None
        try:
            image = self._read(repository, fetched, platform)
        except BadManifest as error:
            message = f"cannot use the image {name}"
            raise Unusable(message, causes=(f"it is {error}",)) from error
        if image is not None and image.digest == fetched.digest and name.digest is None:
            self.cache.learn(key, image.digest)
        return image

    def seen(self, name: ImageName) -> str | None:
        """What `digest` would tell, if the registry has told it in this run already."""
        return self._digests.get(key_of(name))

    def learn(self, name: ImageName, manifest: bytes, config: bytes) -> None:
        """Remember what was pushed under a name."""
        self.cache.keep(manifest)
        self.cache.keep(config)
        digest = digest_of_bytes(manifest)
        self._digests[key_of(name)] = digest
        self.cache.learn(key_of(name), digest)

    def forget(self, name: ImageName) -> None:
        """Ask anew the next time."""
        self._digests.pop(key_of(name), None)
        self.cache.learn(key_of(name), None)

    def _read(self, repository: Repository, fetched: Manifest, platform: str) -> RemoteImage | None:
        if fetched.media_type in INDEXES:
            entry, _ = for_platform(fetched.data, platform)
            found = repository.get_manifest(entry.digest) if entry else None
            if found is None:
                return None
            fetched = found
        manifest = ImageManifest.parse(fetched.media_type, fetched.data)
        described = manifest.config
        config = self.cache.blob(described.digest)
        if config is None:
            config = repository.get_blob(described.digest, described.size)
        self.cache.keep(fetched.data)
        self.cache.keep(config)
        return RemoteImage(fetched.data, manifest, Config.parse(config))

    def _remembered(self, digest: str) -> RemoteImage | None:
        data = self.cache.blob(digest)
        try:
            manifest = ImageManifest.parse("", data) if data else None
            config = self.cache.blob(manifest.config.digest) if manifest else None
            if data is None or manifest is None or config is None:
                return None
            return RemoteImage(data, manifest, Config.parse(config))
        except BadManifest:
            return None


def reference_of(name: ImageName) -> str:
    """By what a registry knows the manifest: its digest, its tag, or the tag by default."""
    return name.digest or name.tag or "latest"


def key_of(name: ImageName) -> str:
    """What a name is remembered by."""
    return f"{name.location}@{name.digest}" if name.digest else f"{name.location}:{name.tag}"
