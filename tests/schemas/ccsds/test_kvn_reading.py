"""What KVN becomes as a tree, and which lines are refused, by number, rule and clause."""

import pytest

from schemas.ccsds.read_kvn import read_kvn_messages
from schemas.ccsds.table import MessageKind
from schemas.ccsds.tree import Item, Lines, Message, Unread
from schemas.ccsds.write_kvn import write_kvn
from tests.schemas.ccsds.kvn_trees import CDM, CDM_TEXT, OEM, OEM_TEXT, OMM, OMM_TEXT, blocks, only, plain, spans

ENDINGS = pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r", b"\n\r"], ids=["LF", "CRLF", "CR", "LFCR"])


def test_an_omm_becomes_blocks_by_the_order_of_the_table() -> None:
    message = only(OMM_TEXT, OMM)
    assert message.error is None
    assert (message.version, message.record, message.line, message.start, message.stop) == (
        "3.0",
        1,
        1,
        0,
        len(OMM_TEXT),
    )
    assert blocks(message) == [
        ("header", 0, 1),
        ("metadata", 1, 6),
        ("meanElements", 1, 14),
        ("tleParameters", 1, 18),
        ("userDefinedParameters", 1, 21),
    ]
    header, metadata, elements, tle, user = message.blocks
    assert header.items[0] == Item("COMMENT", "written by hand", line=2)
    assert metadata.items[:3] == [
        Item("COMMENT", "of the object", line=6),
        Item("OBJECT_NAME", "A=B [C]", line=7),
        Item("OBJECT_ID", "2026-001A", line=8),
    ]
    assert [item[:3] for item in elements.items[1:]] == [
        ("MEAN_MOTION", "15.5", "rev/day"),
        ("ECCENTRICITY", "0.001 [x]", ""),
        ("INCLINATION", "51.6[deg]", ""),
    ]
    assert [item[:2] for item in tle.items] == [("BSTAR", "0.0001"), ("COMMENT", ""), ("NORAD_CAT_ID", "25544")]
    assert user.items == [Item("USER_DEFINED_NOTE", "[km] is a unit", line=21)]


def test_an_oem_has_a_state_block_a_segment_and_a_block_for_each_matrix() -> None:
    message = only(OEM_TEXT, OEM)
    assert message.error is None
    assert message.deviations == []
    assert blocks(message) == [
        ("header", 0, 1),
        ("metadata", 1, 4),
        ("data", 1, 8),
        ("stateVector", 1, 9),
        ("covarianceMatrix", 1, 12),
        ("covarianceMatrix", 1, 22),
        ("metadata", 2, 27),
        ("stateVector", 2, 30),
    ]
    assert message.blocks[2].comments() == ["of the data"]
    (states,) = message.blocks[3].rows
    assert isinstance(states, Lines)
    assert states.line == 9
    assert OEM_TEXT[states.start : states.stop].split(b"\n")[2] == b"2026-11-22T00:01:00 1 2 3 4 5 6"
    assert message.blocks[4].comments() == ["of the matrices"]
    assert [block.text("EPOCH") for block in message.blocks_of("covarianceMatrix")] == [
        "2026-11-22T00:00:00",
        "2026-11-22T00:01:00",
    ]
    rows = [span for block in message.blocks for span in spans(block)]
    assert [len(OEM_TEXT[span.start : span.stop].split()) for span in rows] == [14, 21, 3, 7]
    assert all(OEM_TEXT[span.stop - 2 : span.stop].strip() for span in rows)


def test_object_begins_a_segment_of_a_cdm_and_comments_go_with_the_block_that_follows() -> None:
    message = only(CDM_TEXT, CDM)
    assert message.error is None
    assert blocks(message) == [
        ("header", 0, 1),
        ("relativeMetadataData", 0, 4),
        ("metadata", 1, 6),
        ("stateVector", 1, 9),
        ("covarianceMatrix", 1, 11),
        ("metadata", 2, 12),
        ("stateVector", 2, 14),
    ]
    assert message.blocks[1].items[1] == Item("MISS_DISTANCE", "715", "m", 5)
    assert message.blocks[2].items[0] == Item("COMMENT", "HBR = 10 [m]", "", 6)


def test_a_keyword_of_an_earlier_block_makes_a_block_out_of_order_and_an_unknown_one_stays() -> None:
    text = OMM_TEXT.replace(b"BSTAR", b"REF_FRAME = TEME\nBSTAR").replace(b"ECCENTRICITY", b"ECCENTRISITY")
    message = only(text, OMM)
    assert message.error is None
    assert [name for name, *_ in blocks(message)][2:5] == ["meanElements", "metadata", "tleParameters"]
    assert message.blocks[3].items == [Item("REF_FRAME", "TEME", line=18)]
    assert message.blocks[2].text("ECCENTRISITY") == "0.001 [x]"


@ENDINGS
@pytest.mark.parametrize(
    ("text", "kind"), [(OMM_TEXT, OMM), (OEM_TEXT, OEM), (CDM_TEXT, CDM)], ids=["OMM", "OEM", "CDM"]
)
def test_every_end_of_line_reads_alike(ending: bytes, text: bytes, kind: MessageKind) -> None:
    other = text.replace(b"\n", ending)
    expected, found = only(text, kind), only(other, kind)
    assert found.error is None
    assert plain(found, other) == plain(expected, text)
    assert blocks(found) == blocks(expected)
    starts = [rows.start for block in found.blocks for rows in spans(block)]
    assert all(other[start : start + 1] not in (b"\r", b"\n") for start in starts)
    assert [i.line for b in found.blocks for i in b.items] == [i.line for b in expected.blocks for i in b.items]
    assert write_kvn([found], other) == write_kvn([expected], text)


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        (b"EARTH", b"EA\tRTH", 10, "no tabs"),
        (b"EARTH", b"EA\0RTH", 10, "no control characters"),
        (b"EARTH", b"EA\rRTH", 10, "no control characters"),
        (b"EARTH", b"EA\xe9RTH", 10, "printable ASCII"),
        (b"EARTH", "EA\N{ZERO WIDTH SPACE}RTH".encode(), 10, "printable ASCII"),
        (b"CENTER_NAME = EARTH", b"CENTER_NAME EARTH", 10, "KEYWORD = value"),
        (b"CENTER_NAME = EARTH", b"= EARTH", 10, "KEYWORD = value"),
        (b"CENTER_NAME = EARTH", b"META_START", 10, "KEYWORD = value"),
        (b"EARTH", b"E" * 241, 10, "254 characters"),
    ],
)
def test_a_broken_line_is_named_and_the_next_message_is_read(old: bytes, new: bytes, line: int, said: str) -> None:
    broken, whole = read_kvn_messages(OMM_TEXT.replace(old, new) + OMM_TEXT, OMM)
    assert isinstance(broken, Message)
    assert broken.error is not None
    assert said in broken.error.rule
    assert broken.error.clause.startswith("CCSDS 502.0-B-3, 7.")
    assert broken.error.line == line
    assert broken.blocks[1].text("OBJECT_ID") == "2026-001A"
    assert isinstance(whole, Message)
    assert (whole.error, whole.record, whole.line) == (None, 2, 22)
    assert whole.blocks[1].items[0].line == 21 + 6


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        (b"META_STOP\nCOMMENT of", b"COMMENT of", 8, "KEYWORD = value"),
        (b"META_START\nCOMMENT", b"META_START\nMETA_START\nCOMMENT", 5, "closed by META_STOP first"),
        (b"META_START\nCOMMENT", b"COMMENT", 5, "between META_START and META_STOP"),
        (b"COMMENT one", b"COVARIANCE_STOP", 5, "inside META_START"),
        (b"COVARIANCE_START\n", b"", 13, "between COVARIANCE_START and COVARIANCE_STOP"),
        (b"COVARIANCE_STOP\n", b"", 26, "COVARIANCE_STOP first"),
        (b"COVARIANCE_STOP\n", b"COVARIANCE_STOP\n2026 1 2 3 4 5 6\n", 26, "KEYWORD = value"),
        (b"\n\n2026", b"\nCOMMENT here\n2026", 10, "not among or after"),
        (b"00:01:00 1 2", b"00:01:00 1\t2", 11, "no tabs"),
        (b"00:01:00 1 2", b"00:01:00 1\x7f2", 11, "no control characters"),
        (b"00:01:00 1 2", b"00:01:00 1\r2", 11, "no control characters"),
        (b"00:01:00 1 2", b"00:01:00 1 " + b" " * 240 + b"2", 11, "254 characters"),
        (b"META_START\nCOMMENT one", b"2026-11-22 1\nMETA_START", 4, "KEYWORD = value"),
        (b"\n\n2026", b"\nX = 1\n2026", 10, "in no block"),
        (b"COMMENT of the data\n2026", b"COMMENT of the data\nMASS = 1\n2026", 9, "in no block"),
        (b"COV_REF_FRAME = RTN", b"CX_X = 1", 15, "lower triangle"),
        (b"COV_REF_FRAME = RTN", b"RTN", 15, "KEYWORD = value"),
    ],
)
def test_delimiters_data_lines_and_comments_have_their_places(old: bytes, new: bytes, line: int, said: str) -> None:
    assert OEM_TEXT.count(old) == 1 or old == b"COVARIANCE_STOP\n"
    broken, whole = read_kvn_messages(OEM_TEXT.replace(old, new, 1) + OEM_TEXT, OEM)
    assert isinstance(broken, Message)
    assert broken.error is not None
    assert said in broken.error.rule
    assert broken.error.line == line
    assert isinstance(whole, Message)
    assert whole.error is None


def test_a_block_that_is_still_open_at_the_end_of_the_message_is_an_error() -> None:
    message = only(OEM_TEXT.partition(b"META_STOP")[0], OEM)
    assert message.error is not None
    assert "closed by META_STOP" in message.error.rule


def test_comments_between_delimited_blocks_go_with_the_next_and_are_noted() -> None:
    message = only(OEM_TEXT.replace(b"COVARIANCE_START\n", b"COMMENT before\nCOVARIANCE_START\n"), OEM)
    assert message.error is None
    assert message.deviations == ["comment-before-block"]
    assert message.blocks[4].comments() == ["before", "of the matrices"]


def test_text_in_utf_8_is_kept() -> None:
    message = only(OMM_TEXT.replace(b"TEST CENTRE", "Zentrum für Bahnen".encode()), OMM)
    assert message.error is None
    assert message.blocks[0].text("ORIGINATOR") == "Zentrum für Bahnen"


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert only(b"\xef\xbb\xbf" + OMM_TEXT, OMM).version == "3.0"


def test_comments_before_the_version_line_break_the_message_and_each_that_begins_so() -> None:
    first, second = read_kvn_messages((b"\nCOMMENT first\n" + OMM_TEXT) * 2, OMM)
    assert isinstance(first, Message)
    assert isinstance(second, Message)
    assert first.error is not None
    assert second.error is not None
    assert [block.comments() for block in first.blocks][-1] == []
    assert (first.error.line, first.error.clause, second.error.line) == (2, "CCSDS 502.0-B-3, 7.3.6", 25)


@pytest.mark.parametrize("data", [b"", b"\n\n", b"hello", OMM_TEXT.decode().encode("utf-16"), bytes(range(256)) * 9])
def test_what_is_no_kvn_is_one_unread_part(data: bytes) -> None:
    (part,) = read_kvn_messages(data, OMM)
    assert isinstance(part, Unread)
    assert (part.record, part.start, part.stop) == (1, 0, len(data))
    assert "begins with CCSDS_OMM_VERS" in part.error.rule


def test_rubbish_and_messages_of_other_kinds_do_not_hide_the_others() -> None:
    found = list(read_kvn_messages(b"rubbish\n" + OMM_TEXT + b"CCSDS_OPM_VERS = 3.0\nX = 1\n" + OMM_TEXT, OMM))
    assert [type(part) for part in found] == [Unread, Message, Unread, Message]
    assert [part.record for part in found] == [1, 2, 3, 4]
    assert [part.line for part in found] == [1, 2, 23, 25]


def test_a_last_data_line_without_an_end_is_no_longer_than_others() -> None:
    message = only(OEM_TEXT.rstrip(b"\n") + b" " * 254, OEM)
    assert message.error is not None
    assert (message.error.line, "254 characters" in message.error.rule) == (30, True)


def test_a_version_keyword_within_a_line_begins_no_message() -> None:
    message = only(OMM_TEXT.replace(b"written by hand", b"of CCSDS_OMM_VERS = 2.0"), OMM)
    assert message.error is None
    assert message.blocks[0].comments() == ["of CCSDS_OMM_VERS = 2.0"]


def test_comments_of_a_data_section_without_states_are_its_own() -> None:
    head, _, rest = OEM_TEXT.partition(b"2026-11-22T00:00:00 1")
    message = only(head + rest[rest.index(b"COVARIANCE_START") :], OEM)
    assert message.error is None
    assert message.deviations == []
    assert blocks(message)[2:4] == [("data", 1, 8), ("covarianceMatrix", 1, 9)]


def test_a_comment_between_matrices_begins_the_next_and_is_noted() -> None:
    message = only(OEM_TEXT.replace(b"EPOCH = 2026-11-22T00:01", b"COMMENT second\nEPOCH = 2026-11-22T00:01"), OEM)
    assert message.error is None
    assert message.deviations == ["comment-inside-block"]
    assert [block.comments() for block in message.blocks_of("covarianceMatrix")] == [["of the matrices"], ["second"]]


def test_a_comment_after_the_last_data_line_belongs_nowhere() -> None:
    message = only(OEM_TEXT + b"COMMENT the end\n", OEM)
    assert message.error is not None
    assert (message.error.line, message.error.clause) == (31, "CCSDS 502.0-B-3, 7.8")
    assert only(OMM_TEXT + b"COMMENT the end\n", OMM).blocks[-1].comments() == ["the end"]
