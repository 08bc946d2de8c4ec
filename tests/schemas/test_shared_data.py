"""Every file of ../shared/data: read, or refused as its folder says, and why.

The project's own fixtures cover the same cases (the tests of each message); this one shows real files.
"""

from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import pytest

from schemas.messages import read_payload

DATA = Path(__file__).parents[3] / "shared" / "data"
# Other folders hold no messages: schemas, labels and policies.
FOLDERS = ("catalogues", "ccsds-books", "cdm", "oem", "omm", "probability", "sgp4")


class Outcome(NamedTuple):
    """Which files (a pattern), how many records and refusals, what the first refusal is about, and why."""

    pattern: str
    records: int
    refused: int
    field: str
    why: str


def read(pattern: str, records: int, why: str) -> Outcome:
    return Outcome(pattern, records, 0, "", why)


def refused(pattern: str, field: str, why: str) -> Outcome:
    return Outcome(pattern, 0, 1, field, why)


# The first that fits a file counts.
OUTCOMES = [
    read("catalogues/2024-07-05_26389.tle.gz", 26_389, "a real catalogue"),
    read("catalogues/2024-09-17_26905.tle.gz", 26_905, "a real catalogue"),
    read("catalogues/2025-01-11_27260.tle.gz", 27_260, "a real catalogue"),
    refused("ccsds-books/data/kvn/ocm_g17.kvn", "line", "typed with the book's line breaks inside a value"),
    refused("ccsds-books/data/kvn/ocm_g18.kvn", "line", "typed with the book's line breaks inside a value"),
    refused("ccsds-books/data/*/[ort][pd]m_*", "payload", "OPM, RDM and TDM are other messages"),
    Outcome("ccsds-books/data/xml/ndm_g22.xml", 2, 2, "XML", "two of its messages are of kinds that are not read"),
    read("ccsds-books/data/xml/ndm_g21.xml", 3, "three messages in one document"),
    read("ccsds-books/data/*/o[cem]m_*", 1, "worked examples of the Blue Book"),
    read("cdm/ION_SCV8_vs_STARLINK_1233.txt", 1, "a real CDM of 18 SDS"),
    read("cdm/spacetrack_cdm_public_300.csv", 300, "real rows of cdm_public"),
    read("oem/interpolation/*.oem", 1, "truth pairs"),
    read("oem/starlink_meme/*.txt", 1, "one record of a real Starlink ephemeris"),
    refused("oem/v1_0/invalid/sample01.oem", "REF_FRAME_EPOCH", "not in version 1.0"),
    refused("oem/v1_0/invalid/sample0[25].oem", "X_DDOT", "no accelerations in version 1.0"),
    refused("oem/v1_0/invalid/sample0[34].oem", "EPOCH", "no covariance in version 1.0"),
    refused("oem/v2_0/invalid/sample01.oem", "COMMENT", "stands before the version"),
    refused("oem/v2_0/invalid/sample0[29].*", "USEABLE_START_TIME", "after the last state"),
    refused("oem/v2_0/invalid/sample03.skip", "COMMENT", "stands among the data lines"),
    refused("oem/v2_0/invalid/sample05.oem", "stateVector", "no data at all"),
    refused("oem/v2_0/invalid/sample06.oem", "INTERPOLATION_DEGREE", "not a whole number"),
    refused("oem/v2_0/invalid/sample07.oem", "USEABLE_STOP_TIME", "before USEABLE_START_TIME"),
    refused("oem/v2_0/invalid/sample08.oem", "USEABLE_START_TIME", "outside the span"),
    refused("oem/v2_0/invalid/sample10.oem", "INTERPOLATION_DEGREE", "missing beside INTERPOLATION"),
    refused("oem/v2_0/invalid/sample11.oem", "START_TIME", "missing"),
    refused("oem/v2_0/invalid/sample12.oem", "INVALID_KEY", "unknown keyword"),
    refused("oem/v2_0/invalid/sample1[36].oem", "data line", "wrong number of values"),
    refused("oem/v2_0/invalid/sample14.oem", "USEABLE_START_TIME", "usable spans overlap"),
    refused("oem/v2_0/invalid/sample15.oem", "MESSAGE_ID", "stands in the metadata"),
    refused("oem/v2_0/invalid/sample17.oem", "Y", "letters where a number stands"),
    refused("oem/v2_0/invalid/sample18.oem", "NOTALLOWED", "unknown keyword of a covariance"),
    refused("oem/v2_0/invalid/sample19.oem", "line", "no keyword and no value"),
    refused("oem/v2_0/invalid/sample2[05].oem", "covariance line", "wrong number of terms"),
    refused("oem/v2_0/invalid/sample21.oem", "ORIGINATOR", "twice"),
    refused("oem/v2_0/invalid/sample23.oem", "OBJECT_NAME", "twice"),
    refused("oem/v2_0/invalid/sample2[24].oem", "line", "no equals sign"),
    # Its project reads these, as it looks at no time system. Nobody can say when the instants of "ABCD" are, so the
    # hub refuses them as it does MET and SCLK: the one place where we differ from the folder's name.
    refused("oem/v2_0/valid/sample1[14579].*", "TIME_SYSTEM", "ABCD is no time system"),
    read("oem/*/valid/*", 1, "valid, plain or compressed"),
    read("omm/celestrak/*", 1, "CelesTrak's OMM with its known deviations"),
    read("omm/vectors/alpha5-T-sample.3le", 5, "Alpha-5 numbers"),
    read("omm/vectors/*.kvn", 1, "units in brackets"),
    refused("omm/vectors/*.json", "source", "tables of test vectors, no message"),
    read("probability/cara/*.cdm", 1, "real CDMs of CARA"),
    read("probability/samples/*.cdm", 1, "published test cases as CDMs, with their deviations"),
    refused("probability/pc_2d_analytic_cases.json", "source", "a table, no message"),
    refused("probability/*.csv", "payload", "a table, no message"),
    refused("*/README.md", "payload", "no message"),
    read("sgp4/sample_omm.*", 1, "CelesTrak's samples"),
    Outcome("sgp4/SGP4-VER.TLE", 30, 3, "checksum (line 1, column 69)", "three sets with a wrong checksum"),
    refused("sgp4/LICENSE", "payload", "no message"),
    refused("sgp4/tcppver.out", "payload", "states, no message"),
]


def files() -> list[str]:
    paths = (path for folder in FOLDERS for path in (DATA / folder).rglob("*") if path.is_file())
    return sorted(path.relative_to(DATA).as_posix() for path in paths)


@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is absent")
@pytest.mark.parametrize("name", files() or ["absent"])
def test_each_file_is_read_or_refused_as_its_folder_says(name: str) -> None:
    expected = next((outcome for outcome in OUTCOMES if fnmatch(name, outcome.pattern)), None)
    assert expected is not None, "a file that nobody has said an outcome for"
    reading = read_payload((DATA / name).read_bytes(), name)
    first = next((refusal.field for refusal in reading.refusals), "")
    found = (reading.records, len(reading.refusals), first)
    assert found == (expected.records, expected.refused, expected.field), expected.why
    if "invalid" in name:
        assert expected.refused, "its folder says that it is wrong"
    for refusal in reading.refusals:
        assert refusal.file == name
        assert refusal.rule
        print(refusal)
