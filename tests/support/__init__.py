"""The set-up that `make demo` and the tests share: engine, images, registry, Prefect, proxies."""


class SetupError(RuntimeError):
    """The set-up cannot go on, and only the user can change that; the text says how."""
