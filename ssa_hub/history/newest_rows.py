"""The newest element set of each combination among given rows: what a checkpoint holds, computed by DuckDB.

A combination is an object, a data mode, an originator and a label. Newest is by epoch, then by reception; rows that are
equal in both are all kept, as who sees a record in part orders them otherwise than by its id. Of each object and data
mode the newest `COMBINATIONS_MAX` combinations are kept; ``older_left_out`` says on all rows of an object that it has
more. What was left out is older than all that is kept, and stays so, whatever is received later.
"""

from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa

from ssa_hub.history.availability import readable
from ssa_hub.history.file_access import FileAccess
from ssa_hub.history.planning import Plan, files_sql
from ssa_hub.history.question import columns_sql
from ssa_hub.history.tables import ELEMENTS

COMBINATIONS_MAX = 32
_MEMORY = "1GB"
_KEYS = "object_id, data_mode, originator, label_id"


class NewestRows:
    """Computes in a DuckDB of its own, which spills to ``spill`` where memory does not do."""

    def __init__(self, access: FileAccess, spill: str, combinations_max: int = COMBINATIONS_MAX) -> None:
        self._combinations_max = combinations_max
        self._database = duckdb.connect(
            ":memory:",
            config={
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "python_enable_replacements": "false",
                "temp_directory": spill,
                "memory_limit": _MEMORY,
            },
        )
        access.prepare(self._database)

    def close(self) -> None:
        """Close DuckDB."""
        self._database.close()

    def of(
        self,
        instant_tai_ns: int,
        before: Sequence[str],
        plan: Plan,
        since: Sequence[str],
        after_tai_ns: int | None,
    ) -> pa.Table:
        """The checkpoint at an instant: the rows of the checkpoint files ``before`` and those of the data files
        ``since`` that were received after ``after_tai_ns`` (None: whenever) and by the instant.

        Columns are as stored. A record that is in both counts once. Raises HistoryUnavailableError.
        """
        parameters: dict[str, Any] = {"instant": instant_tai_ns, "most": self._combinations_max}
        parts, flags = [], "SELECT NULL AS object_id, NULL AS data_mode, 0 AS flag WHERE false"
        if before:
            parameters["before"] = list(before)
            parts.append(f"SELECT {columns_sql('e', ELEMENTS)} FROM read_parquet($before) e")
            flags = """SELECT object_id, data_mode, max(older_left_out) AS flag FROM read_parquet($before)
                GROUP BY ALL"""
        if since:
            parameters["files"] = list(since)
            received = "received_tai_ns <= $instant"
            if after_tai_ns is not None:
                received += " AND received_tai_ns > $received_after"
                parameters["received_after"] = after_tai_ns
            elif before:
                received += " AND record_id NOT IN (SELECT record_id FROM read_parquet($before))"
            parts.append(f"SELECT {columns_sql('e', ELEMENTS)} FROM {files_sql(plan)} e WHERE {received}")
        sql = f"""WITH candidates AS ({" UNION ALL ".join(parts)}),
            flags AS ({flags}),
            best AS (SELECT {_KEYS}, max((epoch_tai_ns, received_tai_ns)) AS best FROM candidates GROUP BY ALL),
            placed AS (SELECT *, rank() OVER (PARTITION BY object_id, data_mode ORDER BY best DESC) AS place FROM best),
            kept AS (SELECT *, max(place) OVER (PARTITION BY object_id, data_mode) > $most AS left_out
              FROM placed)
            SELECT c.*, $instant::BIGINT AS checkpoint_tai_ns,
              greatest(k.left_out::INTEGER, coalesce(f.flag, 0))::INTEGER AS older_left_out
            FROM candidates c JOIN kept k USING ({_KEYS})
            LEFT JOIN flags f ON f.object_id = c.object_id AND f.data_mode = c.data_mode
            WHERE k.place <= $most AND c.epoch_tai_ns = k.best[1] AND c.received_tai_ns = k.best[2]"""
        with readable("making a checkpoint"):
            return self._database.sql(sql, params=parameters).to_arrow_table()
