"""Alembic's revisions of the state's tables."""
