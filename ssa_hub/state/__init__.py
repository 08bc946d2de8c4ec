"""Operational state: SQLAlchemy Core on SQLite or PostgreSQL, one small module a repository.

`ssa_hub.state.database.open_state` opens it; every repository function takes a `sqlalchemy.Connection`, so that a
caller can put several of them into one transaction.
"""
