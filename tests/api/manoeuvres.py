"""Orbits for the what-if's tests: one that meets another, said as a partner would send it."""

from typing import Any

import numpy as np

from schemas.timescales import format_utc
from tests.api.records import Row, element, table_of
from tests.conjunction.orbit_oracle import satellites_of
from tests.conjunction.populations import EPOCH_TAI_NS, NAMES, Elements
from tests.conjunction.populations import table_of as elements_table
from tests.hub.orbits import MEETING_MIN, THRESHOLD_KM, meeting_orbits

FIRST, SECOND = meeting_orbits()
# Some kilometres ahead of the first, on its orbit: it meets the second, too, farther off.
BESIDE: Elements = (*FIRST[:5], FIRST[5] + 0.05, FIRST[6])
NAME = "SECRET MANOEUVRE"
ASKED = {"threshold_km": THRESHOLD_KM, "hours": 1.0}


def orbit(name: str, number: int, numbers: Elements = FIRST, **given: Any) -> Row:
    """A recorded element set with these numbers, epoch EPOCH_TAI_NS."""
    fixed = {
        "epoch_tai_ns": EPOCH_TAI_NS,
        "epoch_utc": format_utc(EPOCH_TAI_NS, 9),
        "mean_motion_dot_rev_per_day2": 0.0,
        "object_name": f"OBJECT {number}",
    }
    return element(name, number, **{**fixed, **dict(zip(NAMES, numbers, strict=True)), **given})


def omm(*rows: Row) -> bytes:
    """Element sets as CelesTrak's CSV, with all digits."""
    from schemas.omm.write import write_omm_csv

    return write_omm_csv(table_of(list(rows)))


def oem(numbers: Elements = SECOND, *, minutes: int = 60, every_s: int = 30, name: str = NAME) -> bytes:
    """An OEM in TEME of states by the sgp4 library.

    Lagrange: SGP4's velocities are not the derivatives of its positions, so Hermite would sway between the states.
    """
    satellite = satellites_of(elements_table([numbers]))[0]
    times_s = np.arange(0, minutes * 60 + every_s, every_s)
    lines = []
    for time_s in times_s:
        code, position, velocity = satellite.sgp4_tsince(float(time_s) / 60.0)
        assert code == 0
        numbers_text = " ".join(f"{value:.12f}" for value in (*position, *velocity))
        lines.append(f"{format_utc(EPOCH_TAI_NS + int(time_s) * 10**9, 6)} {numbers_text}")
    first, last = lines[0].split()[0], lines[-1].split()[0]
    head = (
        "CCSDS_OEM_VERS = 2.0\nCREATION_DATE = 2024-09-17T00:00:00\nORIGINATOR = BETA\nMETA_START\n"
        f"OBJECT_NAME = {name}\n"
        f"OBJECT_ID = 2024-001A\nCENTER_NAME = EARTH\nREF_FRAME = TEME\nTIME_SYSTEM = UTC\nSTART_TIME = {first}\n"
        f"STOP_TIME = {last}\nINTERPOLATION = LAGRANGE\nINTERPOLATION_DEGREE = 9\nMETA_STOP\n"
    )
    return (head + "\n".join(lines) + "\n").encode()


__all__ = ["ASKED", "BESIDE", "FIRST", "MEETING_MIN", "NAME", "SECOND", "oem", "omm", "orbit"]
