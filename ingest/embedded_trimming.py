"""Trimming the embedded log's file: records before given offsets are removed, and partitions keep their ends.

Where a partition is empty after it, its end is known from the table ``trimmed`` alone. A program that does not know
the table would number records anew, so the file's version says that it has been trimmed.
"""

import sqlite3
from collections.abc import Mapping

from ingest.log import TopicPartition

VERSION = 2
TABLE = """
CREATE TABLE IF NOT EXISTS trimmed (
    topic TEXT NOT NULL, partition INTEGER NOT NULL, before_offset INTEGER NOT NULL, PRIMARY KEY (topic, partition)
) WITHOUT ROWID
"""
# The next offset of a partition; it is asked for with topic and partition, twice.
END = """
SELECT max(
    coalesce((SELECT max("offset") + 1 FROM record WHERE topic = ? AND partition = ?), 0),
    coalesce((SELECT before_offset FROM trimmed WHERE topic = ? AND partition = ?), 0)
)
"""


def trim(writer: sqlite3.Connection, before: Mapping[TopicPartition, int], *, wiped: bool) -> int:
    """Remove the records before these offsets in one durable transaction; how many.

    ``wiped``: the file is written anew afterwards, so that nothing of what was removed is left in it.
    """
    writer.execute("BEGIN IMMEDIATE")
    removed = 0
    for (topic, partition), offset in sorted(before.items()):
        gone = writer.execute(
            'DELETE FROM record WHERE topic = ? AND partition = ? AND "offset" < ?', (topic, partition, offset)
        )
        removed += gone.rowcount
        writer.execute(
            "INSERT INTO trimmed VALUES (?, ?, ?) ON CONFLICT (topic, partition)"
            " DO UPDATE SET before_offset = max(before_offset, excluded.before_offset)",
            (topic, partition, offset),
        )
    writer.execute(f"PRAGMA user_version = {VERSION}")
    writer.execute("COMMIT")
    if wiped:
        writer.execute("VACUUM")
        writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return removed
