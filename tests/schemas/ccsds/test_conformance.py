"""What holds for every message and encoding: documents that mix kinds with broken ones, and ends of line."""

import pytest

from schemas.convert import Wanted, converted
from schemas.messages import read_payload
from tests.schemas.cdm.messages import kvn

OMM = """CCSDS_OMM_VERS = 3.0
CREATION_DATE = 2026-03-04T05:06:07
ORIGINATOR = TEST CENTRE
OBJECT_NAME = OF A TEST
OBJECT_ID = 2025-001A
CENTER_NAME = EARTH
REF_FRAME = TEME
TIME_SYSTEM = UTC
MEAN_ELEMENT_THEORY = SGP4
EPOCH = 2026-03-04T00:00:00
MEAN_MOTION = 15.5
ECCENTRICITY = 0.001
INCLINATION = 51.6
RA_OF_ASC_NODE = 10
ARG_OF_PERICENTER = 20
MEAN_ANOMALY = 30
NORAD_CAT_ID = 99001
BSTAR = 0.0001
MEAN_MOTION_DOT = 0
MEAN_MOTION_DDOT = 0
"""
OEM = """CCSDS_OEM_VERS = 3.0
CREATION_DATE = 2026-03-04T05:06:07
ORIGINATOR = TEST CENTRE
META_START
OBJECT_NAME = OF A TEST
OBJECT_ID = 2025-001A
CENTER_NAME = EARTH
REF_FRAME = GCRF
TIME_SYSTEM = UTC
START_TIME = 2026-03-04T00:00:00
STOP_TIME = 2026-03-04T00:01:00
META_STOP
2026-03-04T00:00:00 7000 0 0 0 7.5 0
2026-03-04T00:01:00 6990 450 0 -0.5 7.49 0
"""


def _element(text: str) -> str:
    content = converted(text.encode(), "f", Wanted("xml")).content
    assert content is not None
    document = content.decode()
    return document[document.index("<", document.index("?>")) :]


def _mixed() -> list[str]:
    return [_element(OMM), _element(kvn().decode()), _element(OEM)]


def _read(*elements: str) -> tuple[int, int, int, list[tuple[int, str, int]]]:
    document = "<ndm>\n" + "\n".join(elements) + "\n</ndm>"
    reading = read_payload(document.encode(), "f")
    refused = [(refusal.record, refusal.field, refusal.line) for refusal in reading.refusals]
    return reading.elements.num_rows, reading.conjunctions.num_rows, len(reading.ephemerides), refused


def test_messages_of_several_kinds_are_read_together() -> None:
    assert _read(*_mixed()) == (1, 1, 1, [])


@pytest.mark.parametrize(
    ("which", "old", "new", "field"),
    [
        (0, ">51.6<", ">1,5<", "INCLINATION"),
        (0, ' id="CCSDS_OMM_VERS"', "", "id"),
        (1, ">241.9<", ">-1<", "MISS_DISTANCE"),
        (1, "<OBJECT>OBJECT2<", "<OBJECT>OBJECT1<", "OBJECT"),
        (1, 'version="1.0"', 'version="2.0"', "CCSDS_CDM_VERS"),
        (2, "<REF_FRAME>GCRF<", "<REF_FRAME><", "REF_FRAME"),
        (2, "<metadata>", "<matedata>", "matedata"),
    ],
)
def test_a_broken_message_among_others_is_refused_alone_at_its_own_line(
    which: int, old: str, new: str, field: str
) -> None:
    elements = _mixed()
    assert old in elements[which]
    lines_before = 1 + sum(element.count("\n") + 1 for element in elements[:which])
    line = lines_before + 1 + elements[which][: elements[which].index(old)].count("\n")
    elements[which] = elements[which].replace(old, new)
    if new == "<matedata>":
        elements[which] = elements[which].replace("</metadata>", "</matedata>")
    *read, refused = _read(*elements)
    assert read == [0 if kind == which else 1 for kind in range(3)]
    assert refused == [(which + 1, field, line)]


def test_a_message_that_is_not_read_here_hides_none_of_the_others() -> None:
    *read, refused = _read("<opm><header/></opm>", *_mixed(), "<foo/>")
    assert read == [1, 1, 1]
    assert [(record, field) for record, field, _ in refused] == [(1, "XML"), (5, "XML")]


def test_nil_is_noticed_in_every_one_of_many_messages_of_one_layout() -> None:
    element = _element(OMM).replace("<BSTAR>", '<BSTAR nil="false">')
    reading = read_payload(f"<ndm>{element * 5}</ndm>".encode(), "f")
    assert (reading.records, reading.deviations()["nil-without-namespace"]) == (5, 5)


@pytest.mark.parametrize("text", [OMM, OEM, kvn().decode()], ids=["omm", "oem", "cdm"])
@pytest.mark.parametrize("ending", ["\r\n", "\n\r", "\r"])
def test_the_end_of_a_line_changes_neither_what_is_read_nor_the_line_of_an_error(text: str, ending: str) -> None:
    assert read_payload(text.replace("\n", ending).encode(), "f").records == 1
    spoilt = text.splitlines()
    spoilt[-1] = spoilt[-1].replace("0", "x")
    for one in ("\n", ending):
        refusals = read_payload((one.join(spoilt) + one).encode(), "f").refusals
        assert [refusal.line for refusal in refusals] == [len(spoilt)]
