"""The command line. Heavy imports stand inside the commands, so that ``ssa-hub --help`` answers at once."""

from ssa_hub.cli.commands import main

__all__ = ["main"]
