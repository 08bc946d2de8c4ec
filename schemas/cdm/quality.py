"""Stated conjunctions become a batch: what their states say is computed for all at once, doubts are flagged."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.ccsds.tree import Message
from schemas.cdm.agreement import Agreement, LastDigits, Stated, agreement
from schemas.cdm.columns import (
    CONJUNCTION_MESSAGE_SCHEMA,
    OBJECTS,
    column_name,
    covariance_columns,
    state_columns,
)
from schemas.cdm.covariance import is_not_positive_semidefinite, is_zero
from schemas.cdm.geometry import States
from schemas.cdm.row import StatedConjunction, stated_conjunction_of

_ROWS_AT_ONCE = 1_024
_POSITION = [column_name(f"RELATIVE_POSITION_{axis}") for axis in "RTN"]
_VELOCITY = [column_name(f"RELATIVE_VELOCITY_{axis}") for axis in "RTN"]
_FRAMES = [column_name("REF_FRAME", segment) for segment in OBJECTS]


def conjunction_batch(stated: Sequence[StatedConjunction]) -> pa.RecordBatch:
    """A batch of `CONJUNCTION_MESSAGE_SCHEMA` from what messages state, in their order."""
    rows = [conjunction.row for conjunction in stated]
    if not rows:
        return pa.RecordBatch.from_pylist([], schema=CONJUNCTION_MESSAGE_SCHEMA)
    found = encounter_agreement(stated)
    flags = found.flags | _covariance_flags(stated)
    computed = _computed_columns(found)
    completed = []
    for index, row in enumerate(rows):
        values = {
            name: float(column[index]) if np.isfinite(column[index]) else None for name, column in computed.items()
        }
        raised = [name for name, column in flags.items() if column[index]]
        completed.append(row | values | {"quality": [*row["quality"], *raised]})
    return pa.RecordBatch.from_pylist(completed, schema=CONJUNCTION_MESSAGE_SCHEMA)


class ConjunctionGathering:
    """Takes conjunctions one by one; keeps them as batches, because a row of Python objects takes some 20 kB."""

    def __init__(self) -> None:
        self._stated: list[StatedConjunction] = []
        self._batches: list[pa.RecordBatch] = []

    def take_message(self, message: Message) -> None:
        """Take a judged message. Raises RecordRefusedError by `schemas.cdm.rules`."""
        self.take(stated_conjunction_of(message))

    def take(self, stated: StatedConjunction) -> None:
        """Take what one message states."""
        self._stated.append(stated)
        if len(self._stated) == _ROWS_AT_ONCE:
            self._flush()

    def batch(self) -> pa.RecordBatch:
        """All that was taken, in order."""
        self._flush()
        table = pa.Table.from_batches(self._batches, schema=CONJUNCTION_MESSAGE_SCHEMA).combine_chunks()
        batches = table.to_batches()
        return batches[0] if batches else conjunction_batch([])

    def _flush(self) -> None:
        if self._stated:
            self._batches.append(conjunction_batch(self._stated))
            self._stated.clear()


def encounter_agreement(stated: Sequence[StatedConjunction]) -> Agreement:
    """Recompute the encounters from the states and compare with what is stated: `schemas.cdm.agreement`."""
    rows = [conjunction.row for conjunction in stated]
    first, second = (_states(rows, segment) for segment in OBJECTS)
    frame_1, frame_2 = (np.array([row[name] or "" for row in rows], dtype=np.str_) for name in _FRAMES)
    digits = np.array([conjunction.digits[:-1] for conjunction in stated], dtype=np.float64)
    return agreement(
        first,
        second,
        frame_1,
        frame_2,
        Stated(
            _numbers(rows, [column_name("MISS_DISTANCE")])[:, 0],
            _numbers(rows, [column_name("RELATIVE_SPEED")])[:, 0],
            _numbers(rows, _POSITION),
            _numbers(rows, _VELOCITY),
        ),
        LastDigits(*digits.T),
    )


def _numbers(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> NDArray[np.float64]:
    return np.array([[np.nan if row[name] is None else row[name] for name in names] for row in rows], dtype=np.float64)


def _states(rows: Sequence[dict[str, Any]], segment: int) -> States:
    numbers = _numbers(rows, state_columns(segment))
    return States(numbers[:, :3], numbers[:, 3:])


def _covariance_flags(stated: Sequence[StatedConjunction]) -> dict[str, NDArray[np.bool_]]:
    flags = {}
    rows = [conjunction.row for conjunction in stated]
    for segment in OBJECTS:
        terms = _numbers(rows, covariance_columns(segment))
        digits = np.stack([conjunction.digits.covariances[segment - 1] for conjunction in stated])
        flags[f"object{segment}-covariance-zero"] = is_zero(terms)
        flags[f"object{segment}-covariance-not-positive-semidefinite"] = is_not_positive_semidefinite(terms, digits)
    return flags


def _computed_columns(found: Agreement) -> dict[str, NDArray[np.float64]]:
    computed, tolerances = found.computed, found.tolerances
    columns = {
        "computed_miss_distance_m": computed.miss_distance_m,
        "computed_relative_speed_m_s": computed.relative_speed_m_s,
        "miss_distance_tolerance_m": tolerances.miss_distance_m,
        "relative_speed_tolerance_m_s": tolerances.relative_speed_m_s,
    }
    for index, axis in enumerate("rtn"):
        columns[f"computed_relative_position_{axis}_m"] = computed.position_rtn_m[:, index]
        columns[f"computed_relative_velocity_{axis}_m_s"] = computed.velocity_rtn_m_s[:, index]
    return columns
