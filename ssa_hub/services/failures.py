"""What can be wrong when a hub is put together, that no retry would mend."""


class SettingsError(ValueError):
    """Something that the hub was told cannot be right: the message names it and what is expected."""


class PositionsDisagreeError(Exception):
    """Log, history and state do not belong together: one of them was put back, exchanged or emptied by itself."""
