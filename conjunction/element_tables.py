"""Element sets out of tables and objects that people have in Python: columns that a catalogue is made from.

Two sets of names are known: our own (`schemas.records.ELEMENT_FIELDS`: units in the names) and the keywords of the OMM,
as in CelesTrak's and Space-Track's CSV. The second go through the reader of the OMM, so that there is one mapping and
one set of rules, known deviations included.
"""

from collections.abc import Sequence
from math import floor, pi
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from conjunction.instants import tai_ns_of
from schemas.omm.keywords import flat_keys
from schemas.omm.read_json import read_omm_json
from schemas.records import ELEMENT_FIELDS_SCHEMA
from schemas.refusals import Refusal
from schemas.timescales import parse_utc

_NUMBERS = (
    *("mean_motion_rev_per_day", "eccentricity", "inclination_deg", "ra_of_asc_node_deg", "arg_of_pericenter_deg"),
    *("mean_anomaly_deg", "bstar_per_earth_radius"),
)
# SGP4 reads neither of the derivatives, and a message without an ephemeris type means SGP4.
_ZERO_WHERE_MISSING = ("mean_motion_dot_rev_per_day2", "mean_motion_ddot_rev_per_day3", "ephemeris_type")
_NULL_WHERE_MISSING = ("catalogue_number", "object_name", "cospar_id")
_WHOLE_KEYWORDS = ("NORAD_CAT_ID", "ELEMENT_SET_NO", "REV_AT_EPOCH", "EPHEMERIS_TYPE")

ELEMENT_COLUMNS = pa.schema(
    [
        ELEMENT_FIELDS_SCHEMA.field(name).with_nullable(name in _NULL_WHERE_MISSING)
        for name in (*_NULL_WHERE_MISSING, "epoch_tai_ns", *_NUMBERS, *_ZERO_WHERE_MISSING)
    ]
)

_WGS72_RADIUS_KM = 6378.135
_REV_PER_DAY = 720.0 / pi  # of rad/min
_NDOT_UNITS = 1036800.0 / pi  # as in sgp4.omm
_NDDOT_UNITS = 2985984000.0 / 2.0 / pi
_DEGREES = 180.0 / pi
_JD_UNIX_EPOCH = 2_440_587.5


class ElementSets(NamedTuple):
    """``elements`` has `ELEMENT_COLUMNS`; ``row`` (n,) int64 says which row of the input each came from."""

    elements: pa.Table
    row: np.ndarray
    refusals: list[Refusal]


def elements_of_reading(elements: pa.Table | pa.RecordBatch) -> pa.Table:
    """`ELEMENT_COLUMNS` of a reader's batch."""
    return pa.table({name: elements.column(name) for name in ELEMENT_COLUMNS.names}, schema=ELEMENT_COLUMNS)


def elements_of_table(table: pa.Table, called: str) -> ElementSets:
    """Element sets of a table with our own columns, or with those of the OMM; other columns may stand beside them.

    Our own: the epoch as ``epoch_tai_ns``, or as ``epoch_utc`` (text or timestamps); bstar must be there; names and
    numbers may be missing, and the derivatives of the mean motion, which SGP4 does not use. ``called`` is what refusals
    call the table. Raises ValueError for a table with neither set of names, and one that says what is missing or null.
    """
    names = set(table.column_names)
    if "MEAN_MOTION" in names:
        return _elements_of_keywords(table, called)
    if "mean_motion_rev_per_day" not in names:
        raise ValueError(
            f"{called}: neither mean_motion_rev_per_day (schemas.records.ELEMENT_FIELDS) nor MEAN_MOTION (OMM) is "
            f"among its columns: {', '.join(table.column_names) or 'it has none'}"
        )
    columns: dict[str, Any] = {name: _required(table, name, called) for name in _NUMBERS}
    columns["epoch_tai_ns"] = _epochs(table, called)
    for name in _ZERO_WHERE_MISSING:
        columns[name] = _required(table, name, called) if name in names else pa.repeat(0, table.num_rows)
    for name in _NULL_WHERE_MISSING:
        columns[name] = table.column(name) if name in names else pa.nulls(table.num_rows)
    try:
        arrays = [_cast(columns[field.name], field) for field in ELEMENT_COLUMNS]
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ValueError(f"{called}: {error}") from error
    return ElementSets(pa.table(arrays, schema=ELEMENT_COLUMNS), np.arange(table.num_rows), [])


def table_of_records(array: np.ndarray) -> pa.Table:
    """The fields of a NumPy structured array, shape (n,), as columns. Raises ValueError for any other array."""
    if array.dtype.names is None or array.ndim != 1:
        raise ValueError(f"a structured array of one dimension is needed, not {array.dtype} of shape {array.shape}")
    columns = {}
    for name in array.dtype.names:
        column = np.ascontiguousarray(array[name])
        if column.dtype.kind == "S":
            column = np.char.decode(column, "utf-8")
        elif column.dtype.kind == "M":
            column = column.astype("datetime64[ns]")
        columns[name] = pa.array(column.astype(object) if column.dtype.kind == "U" else column)
    return pa.table(columns)


def elements_of_satrecs(satellites: Sequence[Any]) -> pa.Table:
    """`ELEMENT_COLUMNS` of satellites of the sgp4 library; a number 0 is none.

    Raises ValueError for one that was not initialised with WGS-72 and mode 'i': it would have other states here.
    """
    rows: list[dict[str, Any]] = []
    for place, satellite in enumerate(satellites):
        if satellite.radiusearthkm != _WGS72_RADIUS_KM or satellite.operationmode != "i":
            raise ValueError(
                f"Satrec {place} (number {satellite.satnum}) was initialised with another gravity model than WGS-72, "
                "or in mode 'a': here SGP4 is WGS-72 in mode 'i', as for TLE"
            )
        designator = satellite.intldesg.strip()
        rows.append(
            {
                "catalogue_number": satellite.satnum or None,
                "object_name": None,
                "cospar_id": _cospar_id(designator),
                "epoch_tai_ns": _epoch_of_julian_date(satellite.jdsatepoch, satellite.jdsatepochF),
                "mean_motion_rev_per_day": satellite.no_kozai * _REV_PER_DAY,
                "eccentricity": satellite.ecco,
                "inclination_deg": satellite.inclo * _DEGREES,
                "ra_of_asc_node_deg": satellite.nodeo * _DEGREES,
                "arg_of_pericenter_deg": satellite.argpo * _DEGREES,
                "mean_anomaly_deg": satellite.mo * _DEGREES,
                "bstar_per_earth_radius": satellite.bstar,
                "mean_motion_dot_rev_per_day2": satellite.ndot * _NDOT_UNITS,
                "mean_motion_ddot_rev_per_day3": satellite.nddot * _NDDOT_UNITS,
                "ephemeris_type": satellite.ephtype,
            }
        )
    return pa.Table.from_pylist(rows, schema=ELEMENT_COLUMNS)


def _cospar_id(designator: str) -> str | None:
    from schemas.cospar import cospar_id_of_tle, is_cospar_id

    return designator if is_cospar_id(designator) else cospar_id_of_tle(designator)


def _epoch_of_julian_date(jd: float, fraction: float) -> int:
    """TAI ns of a Julian date of UTC in the sgp4 library's two parts, which it keeps to 1e-8 day or better."""
    days = floor(jd - _JD_UNIX_EPOCH)
    ns_of_day = round(((jd - _JD_UNIX_EPOCH - days) + fraction) * 86_400e9)
    return tai_ns_of(np.datetime64(days, "D").astype("datetime64[ns]") + np.timedelta64(ns_of_day, "ns"))


def _required(table: pa.Table, name: str, called: str) -> pa.ChunkedArray:
    if name not in table.column_names:
        raise ValueError(f"{called}: column {name} is missing")
    column = table.column(name)
    if column.null_count:
        row = int(np.flatnonzero(column.is_null().to_numpy())[0])
        raise ValueError(f"{called}: {name} is null in row {row}")
    return column


def _cast(column: Any, field: pa.Field) -> Any:
    """A column as its field has it; numbers that pandas made floats, because some are missing, are whole again."""
    if pa.types.is_floating(column.type) and pa.types.is_integer(field.type):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    if pa.types.is_string(field.type) and pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.cast(field.type)


def _epochs(table: pa.Table, called: str) -> Any:
    if "epoch_tai_ns" in table.column_names:
        return _required(table, "epoch_tai_ns", called)
    if "epoch_utc" not in table.column_names:
        raise ValueError(f"{called}: epoch_tai_ns or epoch_utc is missing")
    texts = _texts(_required(table, "epoch_utc", called))
    try:
        return pa.array([parse_utc(str(text)) for text in texts], pa.int64())
    except ValueError as error:
        raise ValueError(f"{called}: epoch_utc: {error}") from error


def _texts(column: Any, *, whole: bool = False) -> list[str | None]:
    """A column's values as texts: numbers as short as they are exact, timestamps (with no zone: UTC's) to the ns."""
    if pa.types.is_timestamp(column.type):
        utc = column.cast(pa.timestamp("ns", column.type.tz)).cast(pa.int64()).fill_null(0).to_numpy()
        texts = np.datetime_as_string(np.asarray(utc, dtype=np.int64).view("datetime64[ns]")).tolist()
        return [None if missing else text for text, missing in zip(texts, column.is_null().to_pylist(), strict=True)]
    values = column.to_pylist()
    if whole:
        values = [int(value) if isinstance(value, float) and value.is_integer() else value for value in values]
    return [None if value is None or value != value else str(value) for value in values]


def _elements_of_keywords(table: pa.Table, called: str) -> ElementSets:
    """Element sets of a table with the keywords of the OMM, by way of the JSON that it stands for."""
    names = [name for name in table.column_names if name in flat_keys()]
    texts = zip(*(_texts(table.column(name), whole=name in _WHOLE_KEYWORDS) for name in names), strict=True)
    reading = read_omm_json(msgspec.json.encode([dict(zip(names, row, strict=True)) for row in texts]), called)
    row = reading.elements.column("payload_record").to_numpy() - 1
    return ElementSets(elements_of_reading(reading.elements), row.astype(np.int64), reading.refusals)
