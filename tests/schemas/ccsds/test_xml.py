"""NDM/XML: what the reader makes of messages and of hostile documents, and what the writer writes."""

import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from sgp4 import omm
from sgp4.api import Satrec

from schemas.ccsds.read_kvn import read_kvn_messages
from schemas.ccsds.read_xml import read_xml_messages
from schemas.ccsds.table import KINDS, message_kind
from schemas.ccsds.tree import Block, Item, Message, Unread
from schemas.ccsds.write_xml import write_xml
from schemas.refusals import CannotRenderError, RecordRefusedError
from tests.schemas.ccsds.xml_trees import messages, plain

_KINDS = [message_kind(name) for name in KINDS]
_SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
_OMM = (
    '<omm id="CCSDS_OMM_VERS" version="3.0"><header><COMMENT>one</COMMENT><COMMENT> two </COMMENT>'
    "<CREATION_DATE>2026-11-22T00:00:00</CREATION_DATE>\n<ORIGINATOR/></header><body><segment><metadata>"
    "<OBJECT_NAME>A &amp; B</OBJECT_NAME></metadata><data><COMMENT>of the data</COMMENT><meanElements>\n"
    '<MEAN_MOTION units="rev/day">15.5</MEAN_MOTION></meanElements><userDefinedParameters>'
    '<USER_DEFINED parameter="NOTE">x</USER_DEFINED></userDefinedParameters></data></segment></body></omm>'
)


def _read(text: str | bytes) -> list[Message | Unread]:
    return list(read_xml_messages(text.encode() if isinstance(text, str) else text, _KINDS))


def _only(text: str | bytes) -> Message:
    (message,) = _read(text)
    assert isinstance(message, Message)
    return message


def test_a_message_becomes_blocks_of_items_with_their_lines() -> None:
    message = _only('<?xml version="1.0"?>\n' + _OMM)
    assert (message.kind.message, message.version, message.record, message.line) == ("OMM", "3.0", 1, 2)
    assert message.error is None
    assert [(block.kind.name, block.segment, block.items) for block in message.blocks] == [
        (
            "header",
            0,
            [
                Item("COMMENT", "one", line=2),
                Item("COMMENT", "two", line=2),
                Item("CREATION_DATE", "2026-11-22T00:00:00", line=2),
                Item("ORIGINATOR", "", line=3),
            ],
        ),
        ("metadata", 1, [Item("OBJECT_NAME", "A & B", line=3)]),
        ("data", 1, [Item("COMMENT", "of the data", line=3)]),
        ("meanElements", 1, [Item("MEAN_MOTION", "15.5", "rev/day", 4)]),
        ("userDefinedParameters", 1, [Item("USER_DEFINED_NOTE", "x", line=4)]),
    ]


@pytest.mark.parametrize(
    "root",
    [
        '<omm xmlns="urn:ccsds:schema:ndmxml" ',
        '<ndm:omm xmlns:ndm="urn:ccsds:recommendation:navigation:schema:ndmxml" ',
        '<omm xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="a.xsd" ',
    ],
)
def test_the_root_may_be_in_the_namespace_of_the_standard(root: str) -> None:
    text = _OMM.replace("<omm ", root)
    if "<ndm:" in root:
        text = text.replace("</omm>", "</ndm:omm>")
    assert plain(_only(text)) == plain(_only(_OMM))


def test_messages_that_are_not_read_stand_among_those_that_are() -> None:
    first, second, third, last = _read(f"<ndm><MESSAGE_ID>x</MESSAGE_ID>{_OMM}<opm><a/></opm>{_OMM}<b/></ndm>")
    assert isinstance(first, Message)
    assert isinstance(third, Message)
    assert isinstance(second, Unread)
    assert isinstance(last, Unread)
    assert [one.record for one in (first, second, third, last)] == [1, 2, 3, 4]
    assert "omm, oem, cdm, ocm" in second.error.rule
    assert "a message of NDM/XML" in last.error.rule


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("<header>", "<header><header>", "header"),
        ("<body>", "<body><body>", "body"),
        ("</body>", "</body><body/>", "body"),
        ("<metadata>", "<meta>", "meta"),
        ("<metadata>", "<metadata/><metadata>", "metadata"),
        ("<data>", "<data>text", "data"),
        ("<meanElements>", "<maneuverParameters/><meanElements>", "maneuverParameters"),
        ("<meanElements>", '<meanElements units="km">', "meanElements"),
        ("</meanElements>", "</meanElements><COMMENT>c</COMMENT>", "COMMENT"),
        ("15.5", "<b/>", "MEAN_MOTION"),
        ('units="rev/day"', 'unit="rev/day"', "MEAN_MOTION"),
        (' parameter="NOTE"', "", "USER_DEFINED"),
        ("<USER_DEFINED ", "<USER_DEFINED_NOTE/><USER_DEFINED ", "USER_DEFINED_NOTE"),
        ("<ORIGINATOR/>", "<ORIGINATOR>" + "a" * 10_001 + "</ORIGINATOR>", "ORIGINATOR"),
        ("</data>", "</data><data/>", "data"),
        ("CCSDS_OMM_VERS", "CCSDS_OPM_VERS", "id"),
        (' version="3.0"', ' version="3.0" other="1"', "other"),
    ],
)
def test_elements_out_of_place_refuse_the_message_alone(old: str, new: str, field: str) -> None:
    changed = _OMM.replace(old, new, 1)
    for name in ("header", "body", "meta"):
        if new in (f"<{name}><{name}>", f"<{name}>"):
            changed = changed.replace(f"</{name}", f"</{name}></{name}", 1) if name != "meta" else changed
    if new == "<meta>":
        changed = changed.replace("</metadata>", "</meta>")
    broken, good = _read(f"<ndm>\n{changed}\n{_OMM}</ndm>")
    assert isinstance(broken, Message)
    assert isinstance(good, Message)
    assert broken.error is not None
    assert broken.error.field == field
    assert broken.error.line >= 2
    assert good.error is None


@pytest.mark.parametrize("missing", ["<header>", "<body>", "<metadata>", "<data>"])
def test_a_missing_wrapper_is_told(missing: str) -> None:
    start = _OMM.index(missing)
    end = _OMM.index(missing.replace("<", "</")) + len(missing) + 1
    message = _only(_OMM[:start] + _OMM[end:])
    assert message.error is not None
    assert missing.strip("<>") in message.error.rule


def test_an_unknown_keyword_in_a_block_is_left_to_the_judge() -> None:
    message = _only(_OMM.replace("<meanElements>", "<meanElements><SURPRISE>1</SURPRISE>"))
    assert message.error is None
    assert message.blocks[3].items[0].keyword == "SURPRISE"


@pytest.mark.parametrize(
    ("document", "rule"),
    [
        (b"<ndm>" + b"<a>" * 200_000, "16 levels"),
        (b'<!DOCTYPE omm [<!ENTITY a "aaaa">]><omm/>', "document type"),
        (b'<!DOCTYPE omm SYSTEM "http://localhost/x.dtd"><omm/>', "document type"),
        (b"<omm " + b" ".join(b'a%d="1"' % i for i in range(200_000)) + b"/>", "16 attributes"),
        ("<omm/>".encode("utf-16"), "UTF-8"),
        (b'<?xml version="1.0" encoding="ISO-8859-1"?><omm/>', "UTF-8"),
        (b"<ndm>\0</ndm>", "well-formed"),
        (b"<ndm>&x;</ndm>", "well-formed"),
        (b'<ndm xmlns="urn:other"/>', "namespace"),
        (b"<tdm/>", "the root is"),
        (b"<ndm><!--" + b"x" * 6_000_000, "4194304 bytes"),
        (b"", "well-formed"),
    ],
)
def test_hostile_documents_are_refused_with_a_reason(document: bytes, rule: str) -> None:
    assert rule in _refused(document).rule


def _refused(document: bytes) -> RecordRefusedError:
    try:
        (unread,) = _read(document)
    except RecordRefusedError as error:
        return error
    assert isinstance(unread, Unread)
    return unread.error


def test_messages_before_the_place_where_a_document_breaks_are_kept() -> None:
    data = f"<ndm>{_OMM}\n{_OMM}\n<omm><broken".encode()
    *kept, rest = _read(data)
    assert [message.error for message in kept] == [None, None]
    assert isinstance(rest, Unread)
    assert (rest.record, rest.line, rest.stop) == (3, 7, len(data))


def test_text_between_messages_is_told() -> None:
    first, stray, second = _read(f"<ndm>{_OMM} stray {_OMM}</ndm>")
    assert isinstance(stray, Unread)
    assert stray.error.value == "stray"
    assert (first.record, stray.record, second.record) == (1, 2, 3)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(_KINDS).flatmap(lambda kind: st.lists(messages(kind), max_size=3)))
def test_what_is_written_is_read_back_exactly(trees: list[Message]) -> None:
    assert [plain(message) for message in _read(write_xml(trees))] == [plain(tree) for tree in trees]


@pytest.mark.parametrize("text", ["\0", "\x1f", "\ufffe", "\ud800"])
def test_a_character_that_xml_does_not_have_cannot_be_written(text: str) -> None:
    message = _only(_OMM)
    message.blocks[1].items[0] = Item("OBJECT_NAME", f"a{text}")
    with pytest.raises(CannotRenderError, match="OBJECT_NAME"):
        write_xml([message])


def test_messages_of_runs_are_written_in_the_order_of_their_records() -> None:
    other = _OMM.replace("<OBJECT_NAME>A &amp; B</OBJECT_NAME>", "<OBJECT_NAME/>")
    texts = [_OMM.replace("A &amp; B", f"name {i}") if i % 2 else other.replace("15.5", f"{i}") for i in range(20)]
    document = f"<ndm>{''.join(texts)}</ndm>".encode()
    written = write_xml(read_xml_messages(document, _KINDS))
    expected = [plain(message) for message in read_xml_messages(document, _KINDS, runs=False)]
    assert [plain(message) for message in read_xml_messages(written, _KINDS, runs=False)] == expected


_OEM_KVN = b"""CCSDS_OEM_VERS = 3.0
CREATION_DATE = 2026-11-22T10:00:00
ORIGINATOR = TEST
META_START
OBJECT_NAME = SAT
OBJECT_ID = 2026-001A
CENTER_NAME = EARTH
REF_FRAME = EME2000
TIME_SYSTEM = UTC
START_TIME = 2026-11-22T00:00:00
STOP_TIME = 2026-11-22T00:02:00
META_STOP
COMMENT of the data
2026-11-22T00:00:00 7000 0.5 -1E2 1 2 3
2026-11-22T00:01:00   7001 0.5 -1E2  1 2 3

2026-11-22T00:02:00 7002 0.5 -1E2 1 2 3 0.1 0.2 0.3
COVARIANCE_START
EPOCH = 2026-11-22T00:00:00
COV_REF_FRAME = RTN
1
2 3
4 5 6
7 8 9 10
11 12 13 14 15
16 17 18 19 20 21
COVARIANCE_STOP
"""


def test_data_lines_of_kvn_become_elements() -> None:
    written = write_xml(read_kvn_messages(_OEM_KVN, message_kind("OEM")), _OEM_KVN)
    (rows,) = [block for block in _only(written).blocks if block.kind.name == "stateVector"]
    assert (
        plain(_only(written))[2][3][3]
        == [  # type: ignore[index]
            (_NAMES[:7], "2026-11-22T00:00:00", "7000", "0.5", "-1E2", "1", "2", "3"),
            (_NAMES[:7], "2026-11-22T00:01:00", "7001", "0.5", "-1E2", "1", "2", "3"),
            (_NAMES, "2026-11-22T00:02:00", "7002", "0.5", "-1E2", "1", "2", "3", "0.1", "0.2", "0.3"),
        ]
    )
    assert len(rows.rows) == 2
    matrix = _only(written).blocks[-1]
    assert [item.text for item in matrix.items] == ["2026-11-22T00:00:00", "RTN", *map(str, range(1, 22))]
    _validate(written)


_NAMES = ("EPOCH", "X", "Y", "Z", "X_DOT", "Y_DOT", "Z_DOT", "X_DDOT", "Y_DDOT", "Z_DDOT")


def test_python_sgp4_reads_what_is_written() -> None:
    fields = {
        "metadata": {"OBJECT_NAME": "A", "OBJECT_ID": "2026-001A", "CENTER_NAME": "EARTH", "TIME_SYSTEM": "UTC"},
        "meanElements": {
            "EPOCH": "2026-11-22T00:00:00.000000",
            "MEAN_MOTION": "15.5",
            "ECCENTRICITY": "0.001",
            "INCLINATION": "51.6",
            "RA_OF_ASC_NODE": "1.0",
            "ARG_OF_PERICENTER": "2.0",
            "MEAN_ANOMALY": "3.0",
        },
        "tleParameters": {
            "EPHEMERIS_TYPE": "0",
            "CLASSIFICATION_TYPE": "U",
            "NORAD_CAT_ID": "25544",
            "ELEMENT_SET_NO": "999",
            "REV_AT_EPOCH": "1",
            "BSTAR": "0.0001",
            "MEAN_MOTION_DOT": "0.0",
            "MEAN_MOTION_DDOT": "0.0",
        },
    }
    kind = message_kind("OMM")
    trees = []
    for number in ("25544", "7"):
        message = Message(kind, "3.0", 1, 1, 0, 0)
        for name, texts in fields.items():
            items = [Item(key, number if key == "NORAD_CAT_ID" else text) for key, text in texts.items()]
            message.blocks.append(Block(kind.by_name[name], 1, 0, items))
        trees.append(message)
    read = list(omm.parse_xml(io.StringIO(write_xml(trees).decode().partition("\n")[2])))
    assert [one["NORAD_CAT_ID"] for one in read] == ["25544", "7"]
    satellite = Satrec()
    omm.initialize(satellite, read[0])
    assert satellite.satnum == 25544


def test_a_data_line_with_a_value_too_few_cannot_be_written() -> None:
    data = _OEM_KVN.replace(b"7001", b"")
    with pytest.raises(CannotRenderError, match="7 or 10 values"):
        write_xml(read_kvn_messages(data, message_kind("OEM")), data)


def _validate(document: bytes) -> None:
    folder = _SHARED / "ccsds-xsd" / "ccsds-ndm"
    if not folder.exists():
        pytest.skip("…/shared/data is absent")
    schema = etree.XMLSchema(etree.parse(str(folder / "ndmxml-4.0.0-master-4.0.xsd")))
    schema.assertValid(etree.parse(io.BytesIO(document)))


@pytest.mark.parametrize("name", ["omm_g10", "oem_g14", "ocm_g20", "ndm_g21"])
def test_examples_of_the_book_are_valid_when_written_again(name: str) -> None:
    path = _SHARED / "ccsds-books" / "data" / "xml" / f"{name}.xml"
    if not path.exists():
        pytest.skip("…/shared/data is absent")
    read = _read(path.read_bytes())
    written = write_xml([message for message in read if isinstance(message, Message)])
    assert [plain(message) for message in _read(written)] == [plain(message) for message in read]
    _validate(written)


def test_conjunction_messages_of_kvn_are_valid_in_xml() -> None:
    folder = _SHARED / "cdm"
    paths = sorted(path for path in folder.rglob("*") if path.suffix in (".cdm", ".kvn", ".txt"))[:80]
    if not paths:
        pytest.skip("…/shared/data is absent")
    schema = etree.XMLSchema(etree.parse(str(_SHARED / "ccsds-xsd/ccsds-ndm/ndmxml-4.0.0-master-4.0.xsd")))
    valid = 0
    for path in paths:
        data = path.read_bytes()
        for message in read_kvn_messages(data, message_kind("CDM")):
            if isinstance(message, Message) and message.error is None and message.version == "1.0":
                try:
                    written = write_xml([message], data)
                except CannotRenderError:
                    continue
                valid += schema.validate(etree.parse(io.BytesIO(written)))
    assert valid >= 1


def test_nil_without_its_namespace_is_a_known_deviation():
    cdm = message_kind("CDM")
    (message,) = read_xml_messages(
        b'<cdm id="CCSDS_CDM_VERS" version="1.0"><header><COMMENT>c</COMMENT></header><body>'
        b'<relativeMetadataData><COLLISION_PROBABILITY nil="true"/></relativeMetadataData></body></cdm>',
        [cdm],
    )
    (item,) = message.blocks_of("relativeMetadataData")[0].items
    assert (item.keyword, item.nil) == ("COLLISION_PROBABILITY", True)
    assert message.deviations == ["nil-without-namespace"]
