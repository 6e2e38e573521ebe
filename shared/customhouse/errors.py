"""The few errors that callers act on differently; SDK errors become one of these at an adapter's edge."""


class CustomhouseError(Exception):
    """Base of every error this package raises on purpose."""


class Transient(CustomhouseError):  # noqa: N818 -- the word of the field: the platform retries it
    """Throttled, timed out or briefly unavailable: raised to the platform, which delivers again."""


class Rejected(CustomhouseError):  # noqa: N818 -- recorded and acknowledged, never retried
    """Retrying cannot help: recorded and acknowledged."""


class Gone(Rejected):
    """The object, or that version of it, does not exist."""


class Denied(Rejected):
    """The credentials may not do this."""


class Conflict(Rejected):
    """A condition did not hold: the object is there, or is no longer the version named."""


class Malformed(Rejected):
    """The payload is no event, or a document is not what it claims to be."""


class ConfigError(CustomhouseError):
    """Configuration that cannot work: one line naming file, line and remedy; stops the start."""
