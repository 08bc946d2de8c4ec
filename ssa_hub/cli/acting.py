"""Whose act a command is, as the hub records it."""

import getpass
import os


def acting_user() -> str:
    """The name of the user of the machine who runs the command; his number where the machine has no name for him."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # in a container with a user of one's own
        return f"user {os.getuid()}"
