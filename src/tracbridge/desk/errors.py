"""What cannot be done, by what a caller can do about it; everything else is `ConfigError`."""

from tracbridge.domain.errors import ConfigError


class UnknownError(ConfigError):
    """There is nothing of that name."""


class WordError(ConfigError):
    """What was said cannot be understood; nothing was done. The message says what is accepted."""
