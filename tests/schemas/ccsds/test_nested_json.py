"""The nested JSON form: what it holds, what it refuses, and that it comes back as it was."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.ccsds.read_json import read_json_messages
from schemas.ccsds.read_xml import read_xml_messages
from schemas.ccsds.table import KINDS, message_kind
from schemas.ccsds.tree import Item, Message, Unread
from schemas.ccsds.write_json import write_json
from schemas.refusals import CannotRenderError, RecordRefusedError
from tests.schemas.ccsds.xml_trees import messages, plain

_KINDS = [message_kind(name) for name in KINDS]


def _cdm() -> dict[str, Any]:
    segment = {
        "metadata": {"OBJECT": "OBJECT1", "COMMENT": ["a", "b"]},
        "data": {"COMMENT": "of the data", "stateVector": {"X": {"value": 2570.097065, "@units": "km"}}},
    }
    return {
        "@id": "CCSDS_CDM_VERS",
        "@version": "1.0",
        "header": {"CREATION_DATE": "2026-11-22T00:00:00", "ORIGINATOR": None},
        "body": {
            "relativeMetadataData": {"MISS_DISTANCE": 715, "relativeStateVector": {"RELATIVE_POSITION_R": "-1e1"}},
            "segment": [segment, segment],
        },
    }


def _read(value: Any) -> list[Message | Unread]:
    text = value if isinstance(value, str) else json.dumps(value)
    return list(read_json_messages(text.encode(), _KINDS))


def test_members_become_blocks_of_items() -> None:
    (message,) = _read({"cdm": _cdm()})
    assert isinstance(message, Message)
    assert message.error is None
    assert message.version == "1.0"
    assert [(block.kind.name, block.segment, block.items) for block in message.blocks[:5]] == [
        ("header", 0, [Item("CREATION_DATE", "2026-11-22T00:00:00"), Item("ORIGINATOR", "", nil=True)]),
        ("relativeMetadataData", 0, [Item("MISS_DISTANCE", "715"), Item("RELATIVE_POSITION_R", "-1e1")]),
        ("metadata", 1, [Item("OBJECT", "OBJECT1"), Item("COMMENT", "a"), Item("COMMENT", "b")]),
        ("data", 1, [Item("COMMENT", "of the data")]),
        ("stateVector", 1, [Item("X", "2570.097065", "km")]),
    ]


def test_many_messages_are_a_list_or_an_ndm() -> None:
    for value in ([{"cdm": _cdm()}, {"tdm": {}}, {"cdm": _cdm()}], {"ndm": {"cdm": [_cdm()], "tdm": {}, "omm": {}}}):
        read = _read(value)
        assert [one.record for one in read] == [1, 2, 3]
        assert isinstance(read[0], Message)
        assert isinstance(read[1], Unread)
        assert read[0].error is None
    assert isinstance(_read([1])[0], Unread)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('"header": {', '"header": {"CREATION_DATE": "x", ', "CREATION_DATE"),
        ('"header": {', '"header": "", "h": {', "header"),
        ('"715"', "{}", "MISS_DISTANCE"),
        ('"715"', "true", "MISS_DISTANCE"),
        ('"715"', "[[1]]", "MISS_DISTANCE"),
        ('"715"', '{"value": 1, "@unit": "m"}', "MISS_DISTANCE"),
        ('"715"', '{"@units": "m"}', "MISS_DISTANCE"),
        ('"715"', '"\\u0000"', "MISS_DISTANCE"),
        ('"715"', '{"value": 1, "@parameter": "m"}', "MISS_DISTANCE"),
        ('"@id": "CCSDS_CDM_VERS"', '"@id": "CCSDS_OMM_VERS"', "@id"),
        ('"metadata"', '"meta"', "meta"),
        ('"body"', '"torso"', "torso"),
    ],
)
def test_members_out_of_place_refuse_the_message_alone(old: str, new: str, field: str) -> None:
    text = json.dumps({"cdm": _cdm()}).replace("715", '"715"')
    broken, good = _read(f"[{text.replace(old, new)}, {text}]")
    assert isinstance(broken, Message)
    assert broken.error is not None
    assert broken.error.field == field
    assert isinstance(good, Message)
    assert good.error is None


@pytest.mark.parametrize(
    ("payload", "rule"),
    [
        (b"[" * 200_000, "16 levels"),
        (b'{"a":' * 200_000, "16 levels"),
        (b'{"omm": {"a": NaN}}', "NaN"),
        (b'{"omm": {"a": -Infinity}}', "NaN"),
        (b"", "JSON"),
        (b'{"a": "\xff"}', "UTF-8"),
        ("{}".encode("utf-16"), "UTF-8"),
        (b'{"a": "' + b'\\"' * 1_000_000, "JSON"),
        (b'{"a": "b', "JSON"),
        (b'{"a": 01}', "JSON"),
    ],
)
def test_hostile_payloads_are_refused_with_a_reason(payload: bytes, rule: str) -> None:
    with pytest.raises(RecordRefusedError) as caught:
        list(read_json_messages(payload, _KINDS))
    assert rule in caught.value.rule


def test_a_giant_number_keeps_its_digits() -> None:
    text = json.dumps({"cdm": _cdm()}).replace("715", "9" * 9000)
    (message,) = _read(text)
    assert isinstance(message, Message)
    assert message.blocks[1].items[0].text == "9" * 9000


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(_KINDS).flatmap(lambda kind: st.lists(messages(kind), max_size=3)))
def test_what_is_written_is_read_back_exactly(trees: list[Message]) -> None:
    written = write_json(trees)
    json.loads(written)
    assert [plain(message) for message in read_json_messages(written, _KINDS)] == [plain(tree) for tree in trees]


def test_numbers_of_the_table_are_json_numbers_with_their_digits() -> None:
    (message,) = _read({"cdm": _cdm()})
    assert isinstance(message, Message)
    message.blocks[1].items[0] = Item("MISS_DISTANCE", "7.150E+02")
    written = write_json([message])
    assert b'"MISS_DISTANCE": 7.150E+02' in written
    assert json.loads(written)["cdm"]["body"]["relativeMetadataData"]["MISS_DISTANCE"] == 715.0
    message.blocks[1].items[0] = Item("MISS_DISTANCE", ".5")
    assert b'"MISS_DISTANCE": ".5"' in write_json([message])


def test_messages_of_runs_are_written_one_by_one() -> None:
    omm = (
        '<omm id="CCSDS_OMM_VERS" version="3.0"><header/><body><segment><metadata><OBJECT_NAME>{}</OBJECT_NAME>'
        "</metadata><data/></segment></body></omm>"
    )
    document = f"<ndm>{''.join(omm.format(i) for i in range(9))}</ndm>".encode()
    read = json.loads(write_json(read_xml_messages(document, _KINDS)))
    assert [one["omm"]["body"]["segment"]["metadata"]["OBJECT_NAME"] for one in read] == [str(i) for i in range(9)]


def test_a_character_that_messages_do_not_have_cannot_be_written() -> None:
    (message,) = _read({"cdm": _cdm()})
    assert isinstance(message, Message)
    message.blocks[0].items.append(Item("MESSAGE_ID", "a\ud800"))
    with pytest.raises(CannotRenderError, match="MESSAGE_ID"):
        write_json([message])
