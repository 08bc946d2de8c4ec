"""Generated orbits as the texts and tables that people have: TLE and OMM by the sgp4 library, OEM written here."""

from collections.abc import Sequence
from math import pi

import numpy as np
import pandas as pd
from sgp4.api import WGS72, Satrec
from sgp4.exporter import export_omm, export_tle

from tests.conjunction.populations import EPOCH_TAI_NS, Elements

START = "2024-09-17T12:00:00"
START_TAI_NS = EPOCH_TAI_NS
_DAYS_SINCE_1949 = (EPOCH_TAI_NS / 1e9 - 37.0) / 86_400.0 + 7306.0


def satellite_of(elements: Elements, number: int, days_after_epoch: float = 0.0) -> Satrec:
    """An object of the sgp4 library as its TLE has it, with a designator made of its number."""
    mean_motion, eccentricity, inclination, node, argument, anomaly, bstar = elements
    satellite = Satrec()
    satellite.sgp4init(
        WGS72,
        "i",
        number,
        _DAYS_SINCE_1949 + days_after_epoch,
        bstar,
        0.0,
        0.0,
        eccentricity,
        argument * pi / 180.0,
        inclination * pi / 180.0,
        anomaly * pi / 180.0,
        mean_motion / 720.0 * pi,
        node * pi / 180.0,
    )
    satellite.classification = "U"
    satellite.intldesg = designator(number)
    return Satrec.twoline2rv(*export_tle(satellite))


def designator(number: int) -> str:
    """A designator in the form of the TLE: 24401U for 40000."""
    return f"24{1 + number % 900:03d}{chr(ord('A') + number // 900 % 24)}"


def satellites_of_population(population: Sequence[Elements], first_number: int = 40_000) -> list[Satrec]:
    return [satellite_of(elements, first_number + place) for place, elements in enumerate(population)]


def tle_text(satellites: Sequence[Satrec]) -> str:
    return "".join("\n".join(export_tle(satellite)) + "\n" for satellite in satellites)


def omm_frame(satellites: Sequence[Satrec]) -> pd.DataFrame:
    """The keywords of the OMM as pandas.read_csv gives them of a gp.csv."""
    return pd.DataFrame([export_omm(satellite, f"OBJECT {satellite.satnum}") for satellite in satellites])


def oem_text(satellite: Satrec, name: str, object_id: str, hours: float, step_s: float = 60.0) -> str:
    """An OEM with the sgp4 library's own states in TEME, from START on."""
    seconds = np.arange(0.0, hours * 3600.0 + step_s, step_s)
    jd, fraction = 2_460_571.0, seconds / 86_400.0  # 2024-09-17 12:00 UTC
    code, position, velocity = satellite.sgp4_array(np.full(len(seconds), jd), fraction)
    assert not code.any()
    epochs = np.datetime_as_string(np.datetime64(START) + (seconds * 1e6).astype("timedelta64[us]"), unit="us")
    lines = [
        " ".join([epoch, *(f"{value:.9f}" for value in place), *(f"{value:.12f}" for value in motion)])
        for epoch, place, motion in zip(epochs, position, velocity, strict=True)
    ]
    head = [
        "CCSDS_OEM_VERS = 2.0",
        "CREATION_DATE = 2024-09-17T00:00:00",
        "ORIGINATOR = SELF-TEST",
        "META_START",
        f"OBJECT_NAME = {name}",
        f"OBJECT_ID = {object_id}",
        "CENTER_NAME = EARTH",
        "REF_FRAME = TEME",
        "TIME_SYSTEM = UTC",
        f"START_TIME = {epochs[0]}",
        f"STOP_TIME = {epochs[-1]}",
        "META_STOP",
    ]
    return "\n".join([*head, *lines]) + "\n"
