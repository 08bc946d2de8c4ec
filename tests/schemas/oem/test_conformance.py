"""OEM, case by case at the borders of chapter 5; and every value and instant through both writers and back."""

import itertools

import pytest

from schemas.oem.read import read_oem_kvn, read_oem_xml
from schemas.oem.write import write_oem_kvn, write_oem_xml
from tests.schemas.oem.payloads import STATES, TRIANGLE, matrix, metadata, oem

FIELDS = STATES[1].split()


def covariance(*lines: str) -> list[str]:
    return ["COVARIANCE_START", *lines, "COVARIANCE_STOP"]


def with_state(text: str) -> bytes:
    """The second data line in another form."""
    return oem(metadata(), (STATES[0], text, *STATES[2:]))


def with_x(text: str) -> bytes:
    return with_state(" ".join([FIELDS[0], text, *FIELDS[2:]]))


def with_epoch(text: str) -> bytes:
    return with_state(" ".join([text, *FIELDS[1:]]))


SYSTEMS, OTHER_SYSTEMS = ["utc", "TAI", "TT", "GPS", "UT1", "TDB"], ["MET", "MRT", "SCLK", "GMST", "TCB"]
NUMBERS_READ = ["6760", "+6760.25", "6760.", ".5", "6.76E+3", "1e-320", "6760.2512345678901"]
NUMBERS_REFUSED = ["nan", "inf", "1e999", "1_5.0", "6.76D3", "0x1p3", "-", "6760,25", "1[km]"]
EPOCHS_REFUSED = [
    "2024-02-30T23:59:00",
    "2024-02-28T23:59:60",
    "2024-02-28T24:00:00",
    "2023-366T00:00:00",
    "2024-02-28",
]
GOOD = {
    **{f"version {version}": oem(metadata(), STATES, version=version) for version in ("1.0", "2.0", "3.0")},
    **{f"in {system}": oem(metadata(TIME_SYSTEM=system), STATES) for system in SYSTEMS},
    **{f"x {text}": with_x(text) for text in NUMBERS_READ},
    **{f"at {text}": with_epoch(text) for text in ("2024-059T23:59:00.5", "2024-02-28T23:59:00.5Z")},
    "accelerations": oem(metadata(), [f"{state} 0.1 0.2 0.3" for state in STATES]),
    "two matrices": oem(metadata(), STATES, covariance(*matrix(frame="RTN"), *matrix("2024-02-29T00:00:00"))),
    "line of 254": oem(metadata(OBJECT_NAME="A" * 240), STATES),
    "no line end at the end": oem(metadata(), STATES)[:-1],
    "CR LF": oem(metadata(), STATES).replace(b"\n", b"\r\n"),
}
# What is wrong, and the line that the refusal names.
BAD = {
    **{f"version {version}": (oem(metadata(), STATES, version=version), 1) for version in ("3", "4.0", "2.1", "3.00")},
    **{f"x {text}": (with_x(text), 16) for text in NUMBERS_REFUSED},
    **{f"at {text}": (with_epoch(text), 16) for text in EPOCHS_REFUSED},
    **{f"in {system}": (oem(metadata(TIME_SYSTEM=system), STATES), 9) for system in OTHER_SYSTEMS},
    **{f"degree {text}": (oem(metadata(INTERPOLATION_DEGREE=text), STATES), 13) for text in ("0", "-1", "7.0", "1e1")},
    "no degree": (oem(metadata(INTERPOLATION_DEGREE=None), STATES), 12),
    "degree alone": (oem(metadata(INTERPOLATION=None), STATES), 12),
    "same epoch twice": (oem(metadata(), (STATES[0], *STATES)), 16),
    "epochs swapped": (oem(metadata(), (STATES[1], STATES[0], *STATES[2:])), 16),
    "before the start": (oem(metadata(START_TIME="2024-02-28T23:58:01"), STATES), 15),
    "after the stop": (oem(metadata(STOP_TIME="2024-02-29T00:01:00"), STATES), 18),
    "usable before the start": (oem(metadata(USEABLE_START_TIME="2024-02-28T23:00:00"), STATES), 11),
    "eight values": (with_state(f"{STATES[1]} 1.0"), 16),
    "six values": (with_state(" ".join(FIELDS[:6])), 16),
    "one line with accelerations": (with_state(f"{STATES[1]} 0.0 0.0 0.0"), 16),
    "accelerations in 1.0": (oem(metadata(), [f"{state} 0.1 0.2 0.3" for state in STATES], version="1.0"), 15),
    "comment among data": (oem(metadata(), (STATES[0], "COMMENT x", *STATES[1:])), 16),
    "cut in the middle of a line": (oem(metadata(), STATES)[:-30], 18),
    "five rows": (oem(metadata(), STATES, covariance(*matrix(rows=TRIANGLE[:5]))), 19),
    "seven rows": (oem(metadata(), STATES, covariance(*matrix(rows=(*TRIANGLE, "1.0")))), 27),
    "a row too long": (oem(metadata(), STATES, covariance(*matrix(rows=("1.0 2.0", *TRIANGLE[1:])))), 21),
    "negative variance": (oem(metadata(), STATES, covariance(*matrix(rows=("-1.0e-4", *TRIANGLE[1:])))), 21),
    "matrices of one epoch": (oem(metadata(), STATES, covariance(*matrix(), *matrix())), 27),
    "another object": (oem(metadata(), STATES, metadata(OBJECT_ID="2024-001B"), STATES), 21),
    "overlapping segments": (oem(metadata(), STATES, metadata(), STATES), 25),
    "a line of 255": (oem(metadata(OBJECT_NAME="A" * 241), STATES), 5),
}


@pytest.mark.parametrize("case", GOOD)
def test_what_the_book_allows_is_read(case):
    reading = read_oem_kvn(GOOD[case], "f")
    assert (reading.refusals, len(reading.ephemerides)) == ([], 1)


@pytest.mark.parametrize("case", BAD)
def test_what_it_does_not_is_refused_in_its_line(case):
    payload, line = BAD[case]
    (refusal,) = read_oem_kvn(payload, "f").refusals
    assert refusal.line == line
    assert refusal.clause.startswith("CCSDS 502.0-B")


NUMBERS = [
    "5e-324",
    "2.2250738585072014e-308",
    "1.7976931348623157e308",
    "-0.0",
    "0.30000000000000004",
    "1e23",
    "1.e5",
    "4.35",
]
EPOCHS = {
    "UTC": "2016-12-31T23:59:59.999999999 2016-12-31T23:59:60 2016-12-31T23:59:60.999999999 2017-01-01T00:00:00.1",
    "TAI": "2016-12-31T23:59:59.1 2016-12-31T23:59:59.100000001 2017-01-01T00:00:00 2017-01-01T00:00:01",
    "UT1": "2016-12-31T23:59:58.999999999 2016-12-31T23:59:59.5 2017-01-01T00:00:00.000000001 2017-01-01T00:00:01",
    "TDB": "2024-01-01T00:00:00.000000001 2024-01-01T00:00:00.000000002 2024-06-01T00:00:00 2024-06-01T00:00:01",
    "GPS": "1980-01-06T00:00:00 2024-01-01T00:00:00.5 2025-001T00:00:00Z 2025-001T00:00:01",
    "TT": "1972-01-01T00:00:42.184 2024-01-01T00:00:00.5 2025-001T00:00:00Z 2200-001T00:00:01",
}


@pytest.mark.parametrize("system", EPOCHS)
@pytest.mark.parametrize("encoding", ["kvn", "xml"])
def test_numbers_and_instants_come_back_bit_by_bit(system, encoding):
    epochs, numbers = EPOCHS[system].split(), itertools.cycle(NUMBERS)
    states = [" ".join([epoch, *(next(numbers) for _ in range(9))]) for epoch in epochs]
    name = 'N, "x" <&>\' ; = [km]'
    stated = metadata(TIME_SYSTEM=system, START_TIME=epochs[0], STOP_TIME=epochs[-1], OBJECT_NAME=name)
    first = read_oem_kvn(oem(stated, states, covariance(*matrix(epochs[1], "RTN"))), "f").ephemerides
    write, read = {"kvn": (write_oem_kvn, read_oem_kvn), "xml": (write_oem_xml, read_oem_xml)}[encoding]
    again = read(write(first), "f").ephemerides
    columns = zip(*(state.split()[1:] for state in states), strict=True)
    for column, texts in zip(first[0].segments[0].states.columns[1:], columns, strict=True):
        assert column.to_pylist() == [float(text) for text in texts]
    assert again[0].segments == first[0].segments
