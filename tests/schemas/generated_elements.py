"""Element sets for tests: hypothesis strategies, and TLE lines put together by hand, not by the writer under test."""

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import strategies as st

from schemas.element_rows import ElementRow, Gathering
from schemas.timescales import LAST_YEAR, parse_utc

DATA = Path(os.environ.get("SSA_HUB_TEST_DATA", "/work/shared/data"))
ISS_1 = "1 25544U 98067A   08264.51782528 -.00002182  00000-0 -11606-4 0  2927"
ISS_2 = "2 25544  51.6416 247.4627 0006703 130.5360 325.0288 15.72125391563537"
EARLIEST_TAI_NS = parse_utc("1972-01-01T00:00:00")
TLE_LATEST_TAI_NS = parse_utc("2056-12-31T23:59:59")
LATEST_TAI_NS = parse_utc(f"{LAST_YEAR}-12-31T23:59:59")


def data_file(name: str) -> Path:
    """A file of the development data; skips the test, by the file's name, where it is absent."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{path} is not here")
    return path


def checksummed(line: str) -> str:
    """A line of 68 columns with its checksum."""
    assert len(line) == 68, line
    return line + str(sum(int(c) if c.isdigit() else c == "-" for c in line) % 10)


def tle(line1: str = ISS_1, line2: str = ISS_2) -> bytes:
    """Two lines as a payload."""
    return f"{line1}\n{line2}\n".encode()


def changed(line: str, first: int, text: str) -> str:
    """A line with other text from column ``first`` on, and its checksum put right."""
    body = line[: first - 1] + text + line[first - 1 + len(text) :]
    return checksummed(body[:68])


def batch(rows: list[ElementRow]) -> pa.RecordBatch:
    """A reader's batch of rows."""
    gathering = Gathering("test")
    for row in rows:
        gathering.add(row)
    return gathering.reading("test").elements


def numbers(low: float, high: float, **options: Any) -> st.SearchStrategy[float]:
    """float64 without negative zero."""
    return st.floats(low, high, allow_nan=False, allow_infinity=False, **options).map(lambda value: value + 0.0)


NAMES = st.text(st.characters(codec="ascii", min_codepoint=33, max_codepoint=126), min_size=1, max_size=24).filter(
    lambda name: name != "UNKNOWN" and name[0] not in "#0123456789"
)
COSPAR_IDS = st.from_regex(r"(19[6-9][0-9]|20[0-4][0-9])-(?!000)[0-9]{3}[A-Z]{1,3}", fullmatch=True)
DECIMALS = st.integers(0, 99_999)


@st.composite
def rows(draw: st.DrawFn, numbers_max: int = 999_999_999, latest_tai_ns: int = LATEST_TAI_NS) -> ElementRow:
    """Anything that an OMM can say: numbers at full precision, epochs in whole microseconds."""
    return ElementRow(
        catalogue_number=draw(st.integers(1, numbers_max)),
        object_name=draw(NAMES),
        cospar_id=draw(st.none() | COSPAR_IDS),
        epoch_tai_ns=draw(st.integers(EARLIEST_TAI_NS // 1000, latest_tai_ns // 1000)) * 1000,
        mean_motion_rev_per_day=draw(numbers(1e-6, 20.0)),
        eccentricity=draw(numbers(0.0, 1.0, exclude_max=True)),
        inclination_deg=draw(numbers(0.0, 180.0)),
        ra_of_asc_node_deg=draw(numbers(0.0, 360.0, exclude_max=True)),
        arg_of_pericenter_deg=draw(numbers(0.0, 360.0, exclude_max=True)),
        mean_anomaly_deg=draw(numbers(0.0, 360.0, exclude_max=True)),
        bstar_per_earth_radius=draw(numbers(-10.0, 10.0)),
        mean_motion_dot_rev_per_day2=draw(numbers(-0.999, 0.999)),
        mean_motion_ddot_rev_per_day3=draw(numbers(-0.1, 0.1)),
        ephemeris_type=draw(st.sampled_from([0, 2])),
        classification_type=draw(st.sampled_from("UCS")),
        element_set_number=draw(st.integers(0, 9_999)),
        revolution_at_epoch=draw(st.integers(0, 99_999)),
        mean_element_theory="SGP4",
        message_originator=draw(st.none() | NAMES),
        creation_date_utc=draw(st.none() | st.just("2026-11-22T10:00:00.5")),
        deviations=[],
        payload_record=1,
    )


@st.composite
def tle_lines(draw: st.DrawFn) -> tuple[str, str]:
    """A valid TLE, put together column by column."""
    digits = st.integers
    number = draw(
        st.integers(1, 99_999).map(lambda n: f"{n:05d}") | st.from_regex(r"[A-HJ-NP-Z][0-9]{4}", fullmatch=True)
    )
    year = draw(st.integers(1972, 2056))
    days = 366 if year % 4 == 0 else 365
    exponents = st.tuples(st.sampled_from(" -"), digits(0, 99_999), st.sampled_from("+-"), digits(0, 9))
    nddot, bstar = (f"{s}{m:05d}{e}{p}" for s, m, e, p in (draw(exponents), draw(exponents)))
    cospar = draw(st.just("        ") | st.from_regex(r"[0-9]{2}(?!000)[0-9]{3}[A-Z]{1,3}", fullmatch=True))
    line1 = (
        f"1 {number}{draw(st.sampled_from('UCS'))} {cospar:<8} {year % 100:02d}{draw(digits(1, days)):03d}."
        f"{draw(digits(0, 99_999_999)):08d} {draw(st.sampled_from(' -'))}.{draw(digits(0, 99_999_999)):08d} "
        f"{nddot} {bstar} 0 {draw(digits(0, 9_999)):4d}"
    )
    angle = digits(0, 3_599_999).map(lambda a: f"{a / 10_000:8.4f}")
    line2 = (
        f"2 {number} {draw(digits(0, 1_800_000)) / 10_000:8.4f} {draw(angle)} {draw(digits(0, 9_999_999)):07d} "
        f"{draw(angle)} {draw(angle)} {draw(digits(1, 1_799_999_999)) / 1e8:11.8f}{draw(digits(0, 99_999)):5d}"
    )
    return checksummed(line1), checksummed(line2)
