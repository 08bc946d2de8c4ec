"""The OMM at the borders of what is good, the same in every encoding; and what a flat form must not let through."""

import json

import pytest

from conjunction.catalogue import Catalogue
from schemas.messages import read_payload
from schemas.omm.read_csv import read_omm_csv

HEADER = {"CCSDS_OMM_VERS": "3.0", "CREATION_DATE": "2024-03-01T12:00:00", "ORIGINATOR": "TESTERS"}
METADATA = {
    "OBJECT_NAME": "TESTSAT 1",
    "OBJECT_ID": "1998-067A",
    "CENTER_NAME": "EARTH",
    "REF_FRAME": "TEME",
    "TIME_SYSTEM": "UTC",
    "MEAN_ELEMENT_THEORY": "SGP4",
}
ELEMENTS = {
    "EPOCH": "2024-02-29T12:25:40.104192",
    "MEAN_MOTION": "15.5",
    "ECCENTRICITY": "0.0006703",
    "INCLINATION": "51.64",
    "RA_OF_ASC_NODE": "208.9163",
    "ARG_OF_PERICENTER": "69.9862",
    "MEAN_ANOMALY": "25.2906",
}
PARAMETERS = {
    "EPHEMERIS_TYPE": "0",
    "CLASSIFICATION_TYPE": "U",
    "NORAD_CAT_ID": "25544",
    "ELEMENT_SET_NO": "999",
    "REV_AT_EPOCH": "44000",
    "BSTAR": "0.0001027",
    "MEAN_MOTION_DOT": "0.00016717",
    "MEAN_MOTION_DDOT": "0.0",
}
ALL = HEADER | METADATA | ELEMENTS | PARAMETERS
XP = {"BSTAR": "BTERM", "MEAN_MOTION_DDOT": "AGOM"}
CELESTRAK = tuple(key for key in ALL if key not in HEADER and (key not in METADATA or key.startswith("OBJECT")))


def kvn(values: dict[str, str]) -> bytes:
    return "".join(f"{key} = {text}\n" for key, text in values.items()).encode()


def xml(values: dict[str, str]) -> bytes:
    def block(name: str, keys: dict[str, str]) -> str:
        names = [name for key in keys for name in (key, XP.get(key, ""))]
        return f"<{name}>" + "".join(f"<{key}>{values[key]}</{key}>" for key in names if key in values) + f"</{name}>"

    header = {key: text for key, text in HEADER.items() if key != "CCSDS_OMM_VERS"}
    return (
        f'<omm id="CCSDS_OMM_VERS" version="{values["CCSDS_OMM_VERS"]}">{block("header", header)}<body><segment>'
        f"{block('metadata', METADATA)}<data>{block('meanElements', ELEMENTS)}{block('tleParameters', PARAMETERS)}"
        "</data></segment></body></omm>"
    ).encode()


def space_track_json(values: dict[str, str]) -> bytes:
    return json.dumps([values]).encode()


def celestrak_csv(values: dict[str, str]) -> bytes:
    return (",".join(CELESTRAK) + "\r\n" + ",".join(values[key] for key in CELESTRAK) + "\r\n").encode()


def space_track_csv(values: dict[str, str]) -> bytes:
    return (",".join(values) + "\r\n" + ",".join(f'"{text}"' for text in values.values()) + "\r\n").encode()


NESTED = {"kvn": kvn, "xml": xml}
WITH_THEORY = NESTED | {"space-track-json": space_track_json, "space-track-csv": space_track_csv}
EVERY = WITH_THEORY | {"celestrak-csv": celestrak_csv}

GOOD = [
    *(("NORAD_CAT_ID", text) for text in ("1", "339999", "340000", "999999999", "025544", "000025544", "+25544")),
    *(("ELEMENT_SET_NO", text) for text in ("0", "9999")),
    *(("MEAN_MOTION", text) for text in ("15", "15.", ".5", "1.55E+1", "+15.5", "15.50000000000000001")),
    *(("ECCENTRICITY", text) for text in ("0", "-0.0", "0.9999999", "5e-324")),
    *(("INCLINATION", text) for text in ("0", "180")),
    *(("RA_OF_ASC_NODE", text) for text in ("360", "-360", "-180", "359.99999999")),
    *(("EPOCH", text) for text in ("2024-060T12:25:40.1", "2024-02-29T12:25:40Z", "2016-12-31T23:59:60.5")),
    *(("EPHEMERIS_TYPE", text) for text in "024"),
    *(("CLASSIFICATION_TYPE", text) for text in "UCS"),
]
BAD = [
    *(("NORAD_CAT_ID", text) for text in ("0", "-1", "1000000000", "25544.0", "2.5544e4", "A0000", "339_999", "")),
    ("NORAD_CAT_ID", "9" * 20),
    *(("ELEMENT_SET_NO", text) for text in ("10000", "-1", "999.0")),
    *(("MEAN_MOTION", text) for text in ("0", "-15.5", "nan", "NaN", "inf", "1e999", "1_5.0", "1.55D1", "0x10", "")),
    ("MEAN_MOTION", "1e-400"),
    *(("ECCENTRICITY", text) for text in ("1", "1.0", "-0.1", "0.99999999999999999")),
    *(("INCLINATION", text) for text in ("180.0001", "-0.0001")),
    *(("RA_OF_ASC_NODE", text) for text in ("360.0001", "-360.1")),
    *(("EPOCH", text) for text in ("2024-02-29 12:25:40", "2024-02-30T12:25:40", "2015-12-31T23:59:60", "24060.5", "")),
    *(("EPOCH", text) for text in ("2024-02-29", "2024-02-29T24:00:00", "2024-02-29T12:25:40+00:00")),
    *(("EPHEMERIS_TYPE", text) for text in ("1", "3", "6", "-1", "99")),
    *(("CLASSIFICATION_TYPE", text) for text in ("X", "u", "UU")),
]
BAD_WORDS = [
    *(("MEAN_ELEMENT_THEORY", text) for text in ("SGP", "DSST", "USM", "PPT3", "FOO")),
    ("CENTER_NAME", "MARS"),
    *(("REF_FRAME", text) for text in ("EME2000", "TOD")),
    *(("TIME_SYSTEM", text) for text in ("TAI", "GPS")),
]


@pytest.mark.parametrize("encoding", EVERY)
@pytest.mark.parametrize(("keyword", "text"), GOOD)
def test_the_last_good_values_are_read_in_every_encoding(encoding, keyword, text):
    reading = read_payload(EVERY[encoding](ALL | {keyword: text}), "f")
    assert (reading.refusals, reading.records) == ([], 1)


@pytest.mark.parametrize("encoding", EVERY)
@pytest.mark.parametrize(("keyword", "text"), BAD)
def test_the_first_bad_values_are_refused_by_keyword_in_every_encoding(encoding, keyword, text):
    reading = read_payload(EVERY[encoding](ALL | {keyword: text}), "f")
    (refusal,) = reading.refusals
    assert (reading.records, refusal.field, refusal.value) == (0, keyword, text)
    assert refusal.clause


@pytest.mark.parametrize("encoding", WITH_THEORY)
@pytest.mark.parametrize(("keyword", "text"), BAD_WORDS)
def test_other_theories_centres_frames_and_time_systems_are_refused(encoding, keyword, text):
    (refusal,) = read_payload(WITH_THEORY[encoding](ALL | {keyword: text}), "f").refusals
    assert (refusal.field, refusal.value) == (keyword, text)


@pytest.mark.parametrize("encoding", WITH_THEORY)
@pytest.mark.parametrize(
    ("keyword", "text", "noticed"),
    [
        ("CENTER_NAME", "Earth", True),
        ("MEAN_ELEMENT_THEORY", "Sgp4", True),
        ("REF_FRAME", "Teme", True),
        ("CENTER_NAME", "earth", False),
        ("TIME_SYSTEM", "utc", False),
    ],
)
def test_words_in_mixed_case_are_read_by_name(encoding, keyword, text, noticed):
    # CCSDS 502.0-B-3, 7.5.3: all upper or all lower. They were read without a word until issue 3.
    reading = read_payload(WITH_THEORY[encoding](ALL | {keyword: text}), "f")
    assert reading.records == 1
    assert list(reading.deviations()) == (["mixed-case-value"] if noticed else [])


@pytest.mark.parametrize("encoding", WITH_THEORY)
@pytest.mark.parametrize(("theory", "ephemeris_type"), [("SGP4-XP", "4"), ("SGP4-XP", "0"), ("SGP4", "4")])
@pytest.mark.parametrize("own_keywords", [True, False])
def test_nothing_that_may_be_sgp4_xp_reaches_the_screener(encoding, theory, ephemeris_type, own_keywords):
    values = ALL | {"MEAN_ELEMENT_THEORY": theory, "EPHEMERIS_TYPE": ephemeris_type}
    if own_keywords:
        values = {XP.get(key, key): text for key, text in values.items()}
    reading = read_payload(WITH_THEORY[encoding](values), "f")
    assert reading.refusals == []
    row = reading.elements.to_pylist()[0]
    assert (row["mean_element_theory"], row["ephemeris_type"]) == ("SGP4-XP", 4)
    assert row["bstar_per_earth_radius"] == 0.0001027
    assert "SGP4-XP" in Catalogue.from_elements(reading.elements).unusable[0]


@pytest.mark.parametrize("name", ['"TEST\r\nSAT"', 'TEST"SAT" 1', 'SAT"', '"SAT" 1', '"SAT"1"'])
def test_no_part_of_a_line_with_broken_quotes_passes_for_a_record(name):
    # The second line of a quoted line break was read as a record of its own, called 'SAT"'.
    good, broken = celestrak_csv(ALL), celestrak_csv(ALL | {"OBJECT_NAME": name})
    row = good.split(b"\r\n", 1)[1]
    reading = read_payload(broken + row, "f")
    assert reading.elements["object_name"].to_pylist() == ["TESTSAT 1"]
    assert {(refusal.field, refusal.clause) for refusal in reading.refusals} == {("line", "RFC 4180, 2")}


@pytest.mark.parametrize("lane", [True, False])
def test_a_quoted_name_with_line_breaks_brings_in_no_records_of_its_own(lane):
    good = celestrak_csv(ALL)
    row = good.split(b"\r\n", 1)[1]
    forged = row.replace(b"TESTSAT 1", b"FORGED").replace(b"25544", b"99999")
    broken = row.replace(b"TESTSAT 1", b'"X\r\n' + forged + b'Y"')
    reading = read_omm_csv(good + broken + row, "f", lane=lane)
    assert reading.elements["catalogue_number"].to_pylist() == [25544, 25544]
    assert [refusal.line for refusal in reading.refusals] == [3, 4, 5]
    # A quote that is nowhere closed loses its own line only.
    reading = read_omm_csv(good + row.replace(b"TESTSAT 1", b'"TESTSAT 1') + row * 3, "f", lane=lane)
    assert (reading.elements.num_rows, [refusal.line for refusal in reading.refusals]) == (4, [3])


def test_quotes_doubled_inside_a_quoted_cell_are_read():
    reading = read_payload(celestrak_csv(ALL | {"OBJECT_NAME": '"A, ""B"" C"'}), "f")
    assert reading.elements["object_name"].to_pylist() == ['A, "B" C']
