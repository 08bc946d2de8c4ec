"""What can be wrong with a source that no retry would mend."""


class ConfigurationError(ValueError):
    """A source is configured wrongly. The message names the file, the source, the key and what the key means."""
