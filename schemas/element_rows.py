"""Gathers what a reader finds in one payload into a `Reading`: rows into Arrow batches, refusals into a list."""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from schemas.reading import Reading
from schemas.records import ELEMENT_FIELDS_SCHEMA
from schemas.refusals import REFUSALS_MAX, RecordRefusedError, Refusal
from schemas.timescales import format_utc_column

_BATCH_ROWS = 32_768
EMPTY_ELEMENTS = pa.RecordBatch.from_pylist([], schema=ELEMENT_FIELDS_SCHEMA)


class ElementRow(NamedTuple):
    """One element set, field by field as in ``ELEMENT_FIELDS``; ``epoch_utc`` follows from ``epoch_tai_ns``."""

    catalogue_number: int
    object_name: str | None
    cospar_id: str | None
    epoch_tai_ns: int
    mean_motion_rev_per_day: float
    eccentricity: float
    inclination_deg: float
    ra_of_asc_node_deg: float
    arg_of_pericenter_deg: float
    mean_anomaly_deg: float
    bstar_per_earth_radius: float
    mean_motion_dot_rev_per_day2: float
    mean_motion_ddot_rev_per_day3: float
    ephemeris_type: int
    classification_type: str
    element_set_number: int | None
    revolution_at_epoch: int | None
    mean_element_theory: str
    message_originator: str | None
    creation_date_utc: str | None
    deviations: list[str]
    payload_record: int


# An orbit of any other centre, frame or time system is refused, so these columns are constant.
_CONSTANT = {"center_name": "EARTH", "ref_frame": "TEME", "time_system": "UTC"}


class RefusalLimitError(Exception):
    """Raised by `Gathering.refuse` when a payload has more refusals than `REFUSALS_MAX`; stops its reader."""


def element_batch(columns: dict[str, Any], rows: int) -> pa.RecordBatch:
    """A batch from columns by name (arrays or lists); the constant ones are added, and ``epoch_utc`` where missing."""
    if "epoch_utc" not in columns:
        columns["epoch_utc"] = format_utc_column(np.asarray(columns["epoch_tai_ns"], dtype=np.int64), 9)
    for name, text in _CONSTANT.items():
        columns[name] = pa.repeat(pa.scalar(text, pa.string()), rows)
    arrays = [pa.array(columns[field.name], type=field.type) for field in ELEMENT_FIELDS_SCHEMA]
    return pa.RecordBatch.from_arrays(arrays, schema=ELEMENT_FIELDS_SCHEMA)


class Gathering:
    """The records and refusals of one payload; batches may come in any order, the reading has the payload's."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._rows: list[ElementRow] = []
        self._batches: list[pa.RecordBatch] = []
        self._refusals: list[Refusal] = []
        self._given_up: list[Refusal] = []

    def add(self, row: ElementRow) -> None:
        """Take a record."""
        self._rows.append(row)
        if len(self._rows) == _BATCH_ROWS:
            self._flush()

    def add_batch(self, batch: pa.RecordBatch) -> None:
        """Take many records at once."""
        self._batches.append(batch)

    def refuse(self, error: RecordRefusedError, record: int, line: int, data: bytes) -> None:
        """Take a refusal. Raises RefusalLimitError where the payload has too many of them."""
        if len(self._refusals) >= REFUSALS_MAX:
            rule = f"more than {REFUSALS_MAX} records were refused, so the rest of the payload was not read"
            limit = RecordRefusedError("payload", "", rule)
            self._given_up = [limit.refusal(self._file, record, line, b"")]
            raise RefusalLimitError(rule)
        self._refusals.append(error.refusal(self._file, record, line, data))

    def reading(self, encoding: str) -> Reading:
        """What was gathered."""
        self._flush()
        table = pa.Table.from_batches(self._batches, schema=ELEMENT_FIELDS_SCHEMA).combine_chunks()
        records = table["payload_record"].to_numpy()
        if bool((records[1:] < records[:-1]).any()):  # batches came in another order than the payload's
            table = table.take(np.argsort(records, kind="stable")).combine_chunks()
        batches = table.to_batches()
        refusals = sorted(self._refusals, key=lambda refusal: refusal.record)
        return Reading(encoding, batches[0] if batches else EMPTY_ELEMENTS, refusals + self._given_up)

    def _flush(self) -> None:
        if not self._rows:
            return
        columns = dict(zip(ElementRow._fields, (list(column) for column in zip(*self._rows, strict=True)), strict=True))
        self._batches.append(element_batch(columns, len(self._rows)))
        self._rows.clear()


def whole_payload_refused(encoding: str, file: str, error: RecordRefusedError, data: bytes) -> Reading:
    """The reading of a payload of which nothing can be read: no records, one refusal (record 1)."""
    return Reading(encoding, EMPTY_ELEMENTS, [error.refusal(file, 1, 0, data)])
