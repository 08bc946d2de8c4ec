"""What the lane reads against what the element reader reads, for whole, changed and broken documents."""

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.ccsds import xml_runs
from schemas.ccsds.read_xml import read_xml_messages
from schemas.ccsds.table import KINDS, message_kind
from schemas.ccsds.tree import Lines, Message, Unread
from schemas.refusals import RecordRefusedError

_KINDS = [message_kind(name) for name in KINDS]
_ROW = "<stateVector><EPOCH>{}</EPOCH><X{}>{}</X><Y>2</Y></stateVector>"
_TEXT = st.text("ab 12.>\n\té", max_size=6)


def _omm(name: str, number: str, style: str) -> str:
    indent = "\n  " if "i" in style else ""
    parts = [
        f"<omm id='CCSDS_OMM_VERS' version=\"{'2.0' if 'v' in style else '3.0'}\">".replace("'", '"'),
        f"<header>{indent}<COMMENT>c</COMMENT>" + ("<COMMENT>d</COMMENT>" if "c" in style else ""),
        f"<ORIGINATOR>{name}</ORIGINATOR></header>{indent}<body><segment>",
        "<metadata>" + ("<OBJECT_ID/>" if "e" in style else f"<OBJECT_ID>{name} </OBJECT_ID>") + "</metadata>",
        f'{indent}<data><meanElements><BSTAR units="1/ER">{number}</BSTAR></meanElements>',
        '<userDefinedParameters><USER_DEFINED parameter="A">x</USER_DEFINED>',
        f'<USER_DEFINED parameter="B">{number}</USER_DEFINED></userDefinedParameters></data></segment></body></omm>',
    ]
    return indent.join(parts)


@st.composite
def _catalogues(draw: st.DrawFn) -> str:
    styles = draw(st.lists(st.sampled_from(["", "i", "e", "ie", "iv", "c"]), min_size=1, max_size=3))
    count = draw(st.integers(0, 9))
    messages = [_omm(draw(_TEXT), draw(_TEXT), draw(st.sampled_from(styles))) for _ in range(count)]
    gap = draw(st.sampled_from(["", "\n", "\r\n", " \n\n"]))
    return f"<ndm>{gap}{gap.join(messages)}{gap}</ndm>"


@st.composite
def _ephemerides(draw: st.DrawFn) -> str:
    units = draw(st.sampled_from(["", ' units="km"', ' units="m"', ' xsi:nil="true"', " units='km'"]))
    odd = draw(st.sampled_from(["", units]))
    segments = []
    for _ in range(draw(st.integers(1, 2))):
        rows = [_ROW.format(draw(_TEXT), draw(st.sampled_from([odd, units])), draw(_TEXT)) for _ in range(9)]
        gap = draw(st.sampled_from(["", "\n", "\r\n "]))
        segments.append(f"<segment><metadata></metadata><data>{gap.join(rows)}</data></segment>")
    body = f"<header/><body>{''.join(segments)}</body>"
    namespace = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    return f'<oem id="CCSDS_OEM_VERS" version="3.0" {namespace}>{body}</oem>'


_MARKS = ["<!--", "-->", "<!-- -->", "<![CDATA[", "<![CDATA[z]]>", "]]>", "&amp;", "&x;", "<?x?>", "<", ">"]
_CHARACTERS = ["\r", "a\r\nb", "\0", "\x01", "'", '"', "\ufffe", "é", "a" * 10_001]
_TAGS = [
    "<omm>",
    "</omm>",
    "<stateVector>",
    "</stateVector>",
    "</ndm>",
    "<ndm>",
    "<COMMENT>",
    "</COMMENT>",
    "<X/>",
    " z",
]


@st.composite
def _changed(draw: st.DrawFn) -> bytes:
    """A document with bytes put in, taken away or moved."""
    text = draw(st.one_of(_catalogues(), _ephemerides()))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text)))
        change = draw(st.sampled_from(["insert", "delete", "repeat", "byte"]))
        if change == "insert":
            text = text[:at] + draw(st.sampled_from(_MARKS + _CHARACTERS[:-1] + _TAGS)) + text[at:]
        elif change == "delete":
            text = text[:at] + text[at + draw(st.integers(1, 40)) :]
        elif change == "repeat":
            text = text[:at] + text[max(at - draw(st.integers(1, 400)), 0) :]
        else:
            text = text[:at] + draw(st.characters(codec="utf-8")) + text[at + 1 :]
    data = text.encode()
    return data[:-3] + b"\xff" + data[-3:] if draw(st.integers(0, 30)) == 0 else data


def _error(error: RecordRefusedError | None) -> object:
    return None if error is None else (str(error), error.line)


def _expanded(messages: Iterator[Message | Unread]) -> object:
    """By record number, each message of a run like one read alone."""
    records: dict[int, object] = {}
    try:
        for message in messages:
            assert message.record not in records
            if isinstance(message, Unread):
                records[message.record] = (message.line, message.start, message.stop, _error(message.error))
                continue
            texts = [[item.text for block in message.blocks for item in block.items]]
            places = [(message.record, message.line, message.start, message.stop)]
            if message.run is not None:
                assert message.run_records is not None
                assert message.run_spans is not None
                texts += [list(row) for row in zip(*(c.to_pylist() for c in message.run.columns), strict=True)]
                lines = message.run.lines.tolist()
                spans = message.run_spans.tolist()
                fellows = zip(message.run_records.tolist(), lines, spans, strict=True)
                places += [(record, line, *span) for record, line, span in fellows]
            shape = [
                (block.kind.name, block.segment, [(item.keyword, item.units, item.nil) for item in block.items])
                for block in message.blocks
            ]
            rows = [_rows(block.rows) for block in message.blocks]
            for place, row in zip(places, texts, strict=True):
                assert place[0] not in records
                records[place[0]] = (place, row, shape, rows, message.version, _error(message.error))
    except RecordRefusedError as error:
        return sorted(records.items()), _error(error)
    return sorted(records.items())


def _rows(runs: Sequence[object]) -> list[object]:
    rows: list[object] = []
    for run in runs:
        assert not isinstance(run, Lines)
        texts = zip(*(column.to_pylist() for column in run.columns), strict=True)  # type: ignore[attr-defined]
        rows += [(run.keywords, row, line) for row, line in zip(texts, run.lines.tolist(), strict=True)]  # type: ignore[attr-defined]
    return rows


@settings(max_examples=250, deadline=None)
@given(_changed())
@example(b"<ndm>" + b"<!--" + _omm("a", "1", "").encode() * 4 + b"--></ndm>")
@example(_omm("a", "1", "").encode() * 4)
@example(b"<ndm>" + _omm("a", "1", "").encode() * 9 + b"<omm " * 99)
@example(b"<ndm>" + _omm("a", "1", "").encode() * 9 + b"<omm>" * 99)
@example(b"<omm " * 9)
@example(b"<ndm>" + b"<omm><omm><a/></omm></omm>" * 9 + b"</ndm>")
@example(b"<ndm>" + _omm("a", "1", "").encode() * 4 + b"<ndm/><omm/>")
def test_the_lane_reads_what_the_element_reader_reads(data: bytes) -> None:
    slow = _expanded(read_xml_messages(data, _KINDS, runs=False))
    assert _expanded(read_xml_messages(data, _KINDS)) == slow


@pytest.mark.parametrize("mark", _MARKS + _CHARACTERS + _TAGS)
@pytest.mark.parametrize("place", ["<omm ", "<ORIGINATOR>", "a</ORIGINATOR>", "/ER", "<data>", "</omm>", "</ndm>"])
def test_one_message_among_many_may_hold_anything(place: str, mark: str) -> None:
    messages = [_omm("a", str(i), "i") for i in range(12)]
    if place == "</ndm>":
        data = ("<ndm>" + "\n".join(messages) + mark + "</ndm>").encode()
    else:
        where = messages[6].index(place)
        for at in (where, where + len(place)):
            changed = [*messages[:6], messages[6][:at] + mark + messages[6][at:], *messages[7:]]
            data = ("<ndm>" + "\n".join(changed) + "</ndm>").encode()
            slow = _expanded(read_xml_messages(data, _KINDS, runs=False))
            assert _expanded(read_xml_messages(data, _KINDS)) == slow
    assert _expanded(read_xml_messages(data, _KINDS)) == _expanded(read_xml_messages(data, _KINDS, runs=False))


@settings(max_examples=100, deadline=None)
@given(_changed(), st.integers(200, 2000))
def test_windows_may_end_anywhere(data: bytes, window: int) -> None:
    before = xml_runs._WINDOW_BYTES
    xml_runs._WINDOW_BYTES = window
    try:
        assert _expanded(read_xml_messages(data, _KINDS)) == _expanded(read_xml_messages(data, _KINDS, runs=False))
    finally:
        xml_runs._WINDOW_BYTES = before


def test_messages_of_several_layouts_among_each_other_become_a_run_each() -> None:
    styles = ["", "e", "i"] * 20
    text = "<ndm>" + "\n".join(_omm(f"n{i}", str(i), style) for i, style in enumerate(styles)) + "</ndm>"
    messages = list(read_xml_messages(text.encode(), _KINDS))
    assert [message.record for message in messages] == [1, 2, 3]
    for message in messages:
        assert isinstance(message, Message)
        assert message.run is not None
        assert message.run.length == 19
        assert message.run_records is not None
        assert message.run_records.tolist() == list(range(message.record + 3, 61, 3))


def test_rows_in_one_layout_become_one_run() -> None:
    rows = "\n".join(_ROW.format(i, "", -i) for i in range(5000))
    body = f"<header/><body><segment><metadata/><data>{rows}</data></segment></body>"
    text = f'<oem id="CCSDS_OEM_VERS" version="3.0">{body}</oem>'
    (message,) = read_xml_messages(text.encode(), _KINDS)
    assert isinstance(message, Message)
    (run,) = message.blocks[-1].rows
    assert not isinstance(run, Lines)
    assert run.keywords == ("EPOCH", "X", "Y")
    assert run.columns[1].to_pylist() == [str(-i) for i in range(5000)]
    assert run.lines.tolist() == list(range(1, 5001))


@pytest.mark.parametrize("mark", ["<!-- -->", "&amp;", "<COMMENT>again</COMMENT>"])
def test_a_message_that_is_not_for_the_lane_does_not_keep_the_others_from_it(mark: str) -> None:
    plain = _omm("a", "1", "i")
    odd = plain.replace("<ORIGINATOR>", f"{mark}<ORIGINATOR>") if mark[1] != "a" else plain.replace("1/ER", "1&amp;")
    text = "<ndm>" + "\n".join([plain] * 10 + [odd] + [plain] * 10) + "</ndm>"
    messages = list(read_xml_messages(text.encode(), _KINDS))
    assert len(messages) == 2 + (mark == "<!-- -->") * 0
    assert isinstance(messages[0], Message)
    assert messages[0].run is not None
    assert messages[0].run.length == 19
