"""What goes wrong with backups, in words for people."""

from ssa_hub.settings import Settings


class BackupError(Exception):
    """A backup cannot be taken or restored; the text says why, and what can be done."""


def refuse_object_store(settings: Settings) -> None:
    """Raises BackupError where the history's files are in an object store: a copy of the hub would lack them."""
    if settings.object_store is not None:
        raise BackupError(
            f"the history is in {settings.object_store}: ssa-hub backup and restore copy files on local disks; back up "
            "bucket, catalogue, state and log with their own tools, in the order that docs/backup.md gives"
        )
