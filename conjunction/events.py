"""Conjunctions as people want them: named objects, UTC, km and km/s; and what was left out, and why."""

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from conjunction.instants import TIMESTAMP, utc_timestamps
from conjunction.orbits import Orbits
from conjunction.screening import ScreeningResult
from conjunction.volumes import Volumes

if TYPE_CHECKING:
    import pandas as pd

_OBJECT = (("object", "catalogue_number"), ("object_name", "object_name"), ("object_id", "object_id"))
_KILO = 1e-3

EVENTS_SCHEMA = pa.schema(
    [
        pa.field("object_1", pa.int64()),  # catalogue number; null for an object that has none, never another id
        pa.field("object_2", pa.int64()),
        pa.field("tca_utc", TIMESTAMP, False),
        pa.field("miss_distance_km", pa.float64(), False),
        pa.field("relative_speed_km_s", pa.float64(), False),
        *(pa.field(f"relative_position_{axis}_km", pa.float64(), False) for axis in "rtn"),
        *(pa.field(f"relative_velocity_{axis}_km_s", pa.float64(), False) for axis in "rtn"),
        pa.field("approach_angle_deg", pa.float64(), False),
        pa.field("entry_utc", TIMESTAMP, False),
        pa.field("exit_utc", TIMESTAMP, False),
        pa.field("at_window_edge", pa.bool_(), False),
        pa.field("object_name_1", pa.string()),
        pa.field("object_name_2", pa.string()),
        pa.field("object_id_1", pa.string()),  # international designator, or what an ephemeris states
        pa.field("object_id_2", pa.string()),
        pa.field("orbit_1", pa.string(), False),  # elements, ephemeris, catalogue
        pa.field("orbit_2", pa.string(), False),
        pa.field("source_1", pa.string(), False),  # the file, or what the input is called
        pa.field("source_2", pa.string(), False),
        pa.field("index_1", pa.int32(), False),  # rows of the table of orbits
        pa.field("index_2", pa.int32(), False),
    ]
)
LEFT_OUT_SCHEMA = pa.schema(
    [
        pa.field("object", pa.int64()),
        pa.field("object_name", pa.string()),
        pa.field("object_id", pa.string()),
        pa.field("orbit", pa.string(), False),
        pa.field("source", pa.string(), False),
        pa.field("index", pa.int32(), False),
        pa.field("reason", pa.string(), False),
        pa.field("from_utc", TIMESTAMP, False),
        pa.field("until_utc", TIMESTAMP),  # null: to the window's end
    ]
)


@dataclass(frozen=True)
class Conjunctions:
    """What a screening found. It is screening, never advice to manoeuvre.

    Rows come by TCA. Relative quantities are object 2 minus object 1 in RTN of object 1; entry and exit bound the time
    about TCA in which the pair is within the threshold or volume. ``result`` is the core's own result, its
    conjunctions in the same order, in TAI ns and metres; ``orbits`` is what was screened, by ``index_1``, ``index_2``.
    ``words_without_orbit``: what was asked for (volumes, pairs, owners, primaries) and meant no orbit.
    """

    result: ScreeningResult
    orbits: Orbits
    start_tai_ns: int
    duration_s: float
    threshold_km: float
    volumes: Volumes | None
    words_without_orbit: list[str]
    wall_s: float

    def __len__(self) -> int:
        return int(self.result.conjunctions.num_rows)

    def to_arrow(self) -> pa.Table:
        """An Arrow table with `EVENTS_SCHEMA`; times are timestamps of UTC, to the nanosecond."""
        found = self.result.conjunctions
        columns: dict[str, Any] = {
            "miss_distance_km": _scaled(found, "miss_distance_m"),
            "relative_speed_km_s": _scaled(found, "relative_speed_m_s"),
            "approach_angle_deg": found.column("approach_angle_deg"),
            "at_window_edge": found.column("at_window_edge"),
            "index_1": found.column("index_1"),
            "index_2": found.column("index_2"),
        }
        for axis in "rtn":
            columns[f"relative_position_{axis}_km"] = _scaled(found, f"relative_position_{axis}_m")
            columns[f"relative_velocity_{axis}_km_s"] = _scaled(found, f"relative_velocity_{axis}_m_s")
        for name in ("tca", "entry", "exit"):
            columns[f"{name}_utc"] = utc_timestamps(found.column(f"{name}_tai_ns").to_numpy())
        for which in ("1", "2"):
            named = self._named(found.column(f"index_{which}"))
            columns |= {f"{name}_{which}": column for name, column in named.items()}
        return pa.table(columns).select(EVENTS_SCHEMA.names).cast(EVENTS_SCHEMA)

    def to_pandas(self) -> "pd.DataFrame":
        """A DataFrame with the columns of `to_arrow`; catalogue numbers are Int64, with <NA> where there is none."""
        import pandas as pd

        frame: pd.DataFrame = self.to_arrow().to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
        return frame

    def to_numpy(self) -> NDArray[Any]:
        """A structured array (k,) with the columns of `to_arrow`: catalogue number 0 and "" where there is none, times
        datetime64[ns] in UTC.
        """
        table = self.to_arrow()
        columns = []
        for field in table.schema:
            column = table.column(field.name)
            if pa.types.is_string(field.type):
                columns.append(np.array(column.fill_null("").to_pylist(), dtype=np.str_))
            elif pa.types.is_timestamp(field.type):
                columns.append(column.cast(pa.int64()).to_numpy().astype("datetime64[ns]"))
            else:
                columns.append((column.fill_null(0) if column.null_count else column).to_numpy())
        records = np.empty(
            table.num_rows,
            dtype=[(name, column.dtype) for name, column in zip(table.column_names, columns, strict=True)],
        )
        for name, column in zip(table.column_names, columns, strict=True):
            records[name] = column
        return records

    @property
    def left_out(self) -> pa.Table:
        """Orbits that were not screened, or not all the time, with `LEFT_OUT_SCHEMA`: why, from when, until when."""
        table = self.result.left_out
        until = table.column("until_tai_ns")
        columns = {
            **self._named(table.column("index")),
            "index": table.column("index"),
            "reason": table.column("reason"),
            "from_utc": utc_timestamps(table.column("from_tai_ns").to_numpy()),
            "until_utc": utc_timestamps(
                until.fill_null(0).to_numpy(), np.asarray(until.is_null().to_numpy(), dtype=np.bool_)
            ),
        }
        return pa.table(columns).select(LEFT_OUT_SCHEMA.names).cast(LEFT_OUT_SCHEMA)

    @property
    def left_out_by_reason(self) -> dict[str, int]:
        """How many orbits were left out, in whole or part, for each reason; the most frequent first."""
        seen = zip(*(self.result.left_out.column(name).to_pylist() for name in ("reason", "index")), strict=True)
        return dict(Counter(reason for reason, _ in dict.fromkeys(seen)).most_common())

    @property
    def counts(self) -> dict[str, int]:
        """Numbers of: orbits, element sets and ephemerides among them, those left out, older element sets, refused
        records, conjunctions, pairs that have one.
        """
        kinds = Counter(self.orbits.objects.column("kind").to_pylist())
        found = self.result.conjunctions
        pairs = found.select(["index_1", "index_2"]).group_by(["index_1", "index_2"]).aggregate([]).num_rows
        return {
            "orbits": self.orbits.objects.num_rows,
            "element_sets": kinds["elements"] + kinds["catalogue"],
            "ephemerides": kinds["ephemeris"],
            "left_out": pc.count_distinct(self.result.left_out.column("index")).as_py(),
            "superseded": self.orbits.superseded_count,
            "refused": len(self.orbits.refusals),
            "conjunctions": len(self),
            "pairs": pairs,
        }

    def _named(self, index: pa.ChunkedArray) -> dict[str, pa.ChunkedArray]:
        objects = self.orbits.objects
        columns = {name: objects.column(column).take(index) for name, column in _OBJECT}
        return columns | {"orbit": objects.column("kind").take(index), "source": objects.column("source").take(index)}


def _scaled(table: pa.Table, name: str) -> NDArray[np.float64]:
    scaled: NDArray[np.float64] = table.column(name).to_numpy() * _KILO
    return scaled
