"""Orbits that meet, for the screening service: two low orbits through one place, as element sets of the hub."""

from typing import Any

import numpy as np

from tests.conjunction.meetings import elements_through
from tests.conjunction.orbit_oracle import satellites_of
from tests.conjunction.populations import EPOCH_TAI_NS, NAMES, Elements, rev_per_day, table_of
from tests.hub.rooms import orbit

START_UTC = "2024-09-17T12:00:00"  # EPOCH_TAI_NS
MEETING_MIN = 30.0
THRESHOLD_KM = 30.0
FIRST: Elements = (rev_per_day(6928.0), 1e-3, 53.0, 40.0, 20.0, 10.0, 1e-4)


def meeting_orbits() -> tuple[Elements, Elements]:
    """FIRST, and an orbit that crosses it at 60 degrees some MEETING_MIN minutes after the epoch."""
    code, position, velocity = satellites_of(table_of([FIRST]))[0].sgp4_tsince(MEETING_MIN)
    assert not code
    place, motion = np.array(position), np.array(velocity)
    up = place / np.linalg.norm(place)
    turned = motion * np.cos(np.pi / 3) + np.cross(up, motion) * np.sin(np.pi / 3) + up * (up @ motion) * 0.5
    second = elements_through(place, turned, MEETING_MIN)
    assert second is not None
    return FIRST, second


def orbit_of(record_id: str, object_id: str, numbers: Elements, **given: Any) -> dict[str, Any]:
    """The element set of an object with these numbers, epoch EPOCH_TAI_NS."""
    fixed = {
        "epoch_tai_ns": EPOCH_TAI_NS,
        "mean_motion_dot_rev_per_day2": 0.0,
        "mean_motion_ddot_rev_per_day3": 0.0,
        "ephemeris_type": 0,
    }
    return orbit(record_id, object_id, **fixed, **dict(zip(NAMES, numbers, strict=True)), **given)


def meeting(prefix: str = "", **given: Any) -> list[dict[str, Any]]:
    """The two as objects cat-1 and cat-2."""
    first, second = meeting_orbits()
    return [
        orbit_of(f"{prefix}one", "cat-1", first, **given),
        orbit_of(f"{prefix}two", "cat-2", second, **given),
    ]
