"""Interned labels: what a label id stands for."""

from collections.abc import Iterable

from sqlalchemy import Connection, select

from schemas.labels import Label, label_from_json
from ssa_hub.state.database import Database, upsert
from ssa_hub.state.policy import policy_changed
from ssa_hub.state.tables import labels


class Labels:
    """Labels by label id. They are never changed and never removed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def intern(self, connection: Connection, new: Iterable[Label]) -> None:
        """Keep labels; one that is new changes the policy's revision."""
        rows = {label.label_id: label.to_json().decode() for label in new}
        if not rows:
            return
        chosen = select(labels.c.label_id).where(labels.c.label_id.in_(list(rows)))
        for label_id in connection.execute(chosen).scalars():
            del rows[label_id]
        if rows:
            values = [{"label_id": label_id, "body": body} for label_id, body in sorted(rows.items())]
            connection.execute(upsert(connection, labels).on_conflict_do_nothing(), values)
            policy_changed(connection)

    def all(self) -> dict[str, Label]:
        """Every label that any record has had, by label id."""
        with self._database.snapshot() as connection:
            rows = connection.execute(select(labels.c.label_id, labels.c.body)).all()
        return {row.label_id: label_from_json(row.body.encode()) for row in rows}
