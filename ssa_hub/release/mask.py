"""A mask: which fields of a record are shown, and how finely.

A resolution rounds down to whole steps: an instant to the last multiple of ``time_s`` (of TAI), a quantity to the last
multiple of its step. 0 means: as it is. What is coarsened must not select, sort or page either, so queries use the
coarsened value wherever they use the column.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from schemas.message_records import CONJUNCTION_MESSAGE, EPHEMERIS
from schemas.records import CONJUNCTION, ELEMENT_SET, Kind
from schemas.timescales import NS_PER_SECOND


class Resolution(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, order=True):
    """Steps by quantity; 0: exact."""

    time_s: int = 0
    distance_m: float = 0.0
    speed_m_s: float = 0.0
    angle_deg: float = 0.0
    mean_motion_rev_per_day: float = 0.0
    eccentricity: float = 0.0

    @property
    def time_step_ns(self) -> int:
        """The step of instants, ns; 1 where they are exact."""
        return self.time_s * NS_PER_SECOND if self.time_s else 1

    @property
    def is_exact(self) -> bool:
        """Whether nothing is coarsened."""
        return self == EXACT

    def steps(self) -> dict[str, Any]:
        """The steps that coarsen, by quantity: an int of ``time_s``, floats of the others."""
        return {name: step for name in self.__struct_fields__ if (step := getattr(self, name))}

    def coarser(self, other: "Resolution") -> "Resolution":
        """Of each quantity the larger step: how a record derived from two is shown."""
        return Resolution(**{name: max(getattr(self, name), getattr(other, name)) for name in self.__struct_fields__})


EXACT = Resolution()


class Mask(msgspec.Struct, frozen=True, order=True):
    """``fields``: the columns that are shown, sorted, those that are always shown among them."""

    fields: tuple[str, ...]
    resolution: Resolution = EXACT

    def both(self, other: "Mask") -> "Mask":
        """What both show: the mask of a record derived from two."""
        return Mask(tuple(sorted(set(self.fields) & set(other.fields))), self.resolution.coarser(other.resolution))

    def shows(self, columns: Iterable[str], *, exactly: bool = False) -> bool:
        """Whether it shows all these columns; ``exactly``: coarsening none of them."""
        wanted = set(columns)
        steps = self.resolution.steps() if exactly else {}
        return wanted.issubset(self.fields) and not any(QUANTITIES.get(name) in steps for name in wanted)

    def shows_all(self, kind: Kind) -> bool:
        """Whether the record is shown as it is: every field, nothing coarsened."""
        return self.resolution.is_exact and set(self.fields) >= _COLUMNS[kind]


_COLUMNS: Mapping[Kind, frozenset[str]] = {
    Kind.ELEMENTS: frozenset(field.name for field in ELEMENT_SET),
    Kind.DERIVED_CONJUNCTIONS: frozenset(field.name for field in CONJUNCTION),
    Kind.CONJUNCTION_MESSAGES: frozenset(field.name for field in CONJUNCTION_MESSAGE),
    Kind.EPHEMERIDES: frozenset(field.name for field in EPHEMERIS),
}

# Which quantity a column is one of. What stands here is coarsened by a resolution that has a step for the quantity.
QUANTITIES: Mapping[str, str] = {
    "epoch_tai_ns": "time_s",
    "tca_tai_ns": "time_s",
    "entry_tai_ns": "time_s",
    "exit_tai_ns": "time_s",
    "miss_distance_m": "distance_m",
    "relative_position_r_m": "distance_m",
    "relative_position_t_m": "distance_m",
    "relative_position_n_m": "distance_m",
    "relative_speed_m_s": "speed_m_s",
    "relative_velocity_r_m_s": "speed_m_s",
    "relative_velocity_t_m_s": "speed_m_s",
    "relative_velocity_n_m_s": "speed_m_s",
    "approach_angle_deg": "angle_deg",
    "inclination_deg": "angle_deg",
    "ra_of_asc_node_deg": "angle_deg",
    "arg_of_pericenter_deg": "angle_deg",
    "mean_anomaly_deg": "angle_deg",
    "mean_motion_rev_per_day": "mean_motion_rev_per_day",
    "eccentricity": "eccentricity",
    # Every instant that a message states: several of them tell the TCA, or the end of the usable span.
    **{
        field.name: "time_s"
        for field in (*CONJUNCTION_MESSAGE, *EPHEMERIS)
        if field.name.endswith("_tai_ns") and field.name != "received_tai_ns"
    },
}
