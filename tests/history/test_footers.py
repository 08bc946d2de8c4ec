from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ssa_hub.history.file_access import LocalFiles
from ssa_hub.history.footers import Footers


def test_what_is_constant_in_row_groups_is_known_and_nothing_else_is(tmp_path: Path) -> None:
    rows = pa.table(
        {
            "mode": ["REAL"] * 8,
            "name": ["A"] * 4 + ["B"] * 4,
            "missing": pa.nulls(8, pa.string()),
            "now_and_then": ["A", None] * 4,
            "unknown": ["A"] * 8,
            "number": [7] * 8,
        }
    )
    path = tmp_path / "f.parquet"
    statistics = ["mode", "name", "missing", "now_and_then", "number"]
    pq.write_table(rows, path, row_group_size=4, write_statistics=statistics)
    footer = Footers(LocalFiles(tmp_path), ("mode",)).of(str(path))
    columns = [*rows.column_names, "no such column"]
    always = {"mode": "REAL", "missing": None, "number": 7}
    assert footer.constants(columns, [0]) == {**always, "name": "A"}
    assert footer.constants(columns, [1]) == {**always, "name": "B"}
    assert footer.constants(columns, [0, 1]) == always
    assert footer.constants(["name"], [0, 1]) == {}
    assert footer.constants(columns, []) == {}
