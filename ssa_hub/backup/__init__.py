"""Backup of a whole hub while it runs, and its restoration elsewhere. docs/backup.md argues the order."""
