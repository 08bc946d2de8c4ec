"""The judge: keywords and blocks removed, doubled, moved or unknown are refused with the keyword that is wrong."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.ccsds.judge import judge
from schemas.ccsds.table import message_kind
from schemas.ccsds.tree import Block, Item, Run
from schemas.refusals import RecordRefusedError
from tests.schemas.ccsds.judged_messages import CDM, OCM, OEM_KVN, OEM_XML, OMM, Sample, tree
from tests.schemas.ccsds.judgements import each_sample, places, refusal


@each_sample
def test_the_hand_made_messages_are_accepted_without_a_deviation(sample: Sample) -> None:
    message = sample.message()
    judge(message, encoding=sample.encoding)
    assert message.deviations == []


@each_sample
def test_without_any_one_mandatory_keyword_a_message_is_refused(sample: Sample) -> None:
    tried = 0
    for number, place, item, keyword in list(places(sample.message())):
        if keyword.status != "M" and not keyword.all_or_none:
            continue
        message = sample.message()
        del message.blocks[number].items[place]
        if not message.blocks[number].items and not message.blocks[number].rows:
            del message.blocks[number]
        error = refusal(message, sample.encoding)
        assert error.field == item.keyword, error
        if place and keyword.status == "M":  # it is missed at the keyword that stands in its place
            left = message.blocks[number].items
            after = [other for other in left[place:] if other.keyword != "COMMENT"] or left[-1:]
            assert error.line == after[0].line
        tried += 1
    assert tried >= 8


@each_sample
def test_any_keyword_that_stands_twice_is_refused(sample: Sample) -> None:
    for number, place, item, _ in list(places(sample.message())):
        message = sample.message()
        message.blocks[number].items.insert(place + 1, item)
        error = refusal(message, sample.encoding)
        assert (error.field, error.line) == (item.keyword, item.line)
        assert "already" in error.rule


@each_sample
@settings(max_examples=30)  # of each of eight messages, and a tree takes a millisecond to build
@given(data=st.data())
def test_any_two_keywords_in_each_others_place_are_refused(sample: Sample, data: st.DataObject) -> None:
    message = sample.message()
    number = data.draw(
        st.sampled_from(
            [n for n, b in enumerate(message.blocks) if sum(i.keyword in b.kind.by_name for i in b.items) > 1]
        )
    )
    in_block = [place for block, place, _, _ in places(message) if block == number]
    first, second = sorted(data.draw(st.lists(st.sampled_from(in_block), min_size=2, max_size=2, unique=True)))
    items = message.blocks[number].items
    names = [item.keyword for item in items]
    items[first], items[second] = items[second], items[first]
    # What follows the keyword that was brought forward comes too late in the table's order.
    assert refusal(message, sample.encoding).field == (names[first + 1] if second > first + 1 else names[first])


@each_sample
@settings(max_examples=30)  # of each of eight messages, and a tree takes a millisecond to build
@given(data=st.data())
def test_an_unknown_keyword_is_refused_wherever_it_stands(sample: Sample, data: st.DataObject) -> None:
    message = sample.message()
    block = data.draw(st.sampled_from(message.blocks))
    block.items.insert(data.draw(st.integers(0, len(block.items))), Item("MISS_DISTANCES", "1", line=7))
    error = refusal(message, sample.encoding)
    assert (error.field, error.value, error.line) == ("MISS_DISTANCES", "1", 7)


@pytest.mark.parametrize(
    ("kind", "there", "partner"),
    [("OMM", "MEAN_MOTION", "SEMI_MAJOR_AXIS"), ("OMM", "BSTAR", "BTERM"), ("OMM", "MEAN_MOTION_DDOT", "AGOM")],
)
def test_of_two_keywords_that_exclude_each_other_one_stands(kind: str, there: str, partner: str) -> None:
    line = next(one for one in OMM.split("\n") if one.startswith(f"{there} = "))
    judge(tree(kind, "3.0", OMM.replace(line, f"{partner} = 0.5"), "kvn"))
    both = [line, f"{partner} = 0.5"]
    if partner == "SEMI_MAJOR_AXIS":
        both.reverse()
    error = refusal(tree(kind, "3.0", OMM.replace(line, "\n".join(both)), "kvn"))
    assert error.field == both[1].split()[0]
    assert "one of the two" in error.rule


def test_the_relative_state_of_a_cdm_is_whole_in_xml_and_may_be_partial_in_kvn() -> None:
    text = CDM.replace("RELATIVE_POSITION_T = -70.2 [m]\n", "")
    judge(tree("CDM", "1.0", text, "kvn"))
    assert refusal(tree("CDM", "1.0", text, "kvn"), "xml").field == "RELATIVE_POSITION_T"


@each_sample
def test_a_block_that_must_be_there_is_missed_and_one_too_many_is_refused(sample: Sample) -> None:
    for number, block in enumerate(sample.message().blocks):
        message = sample.message()
        if block.kind.occurs == "1":
            del message.blocks[number]
            mandatory = [k.keyword for k in block.kind.keywords if k.status == "M" and not k.in_rows]
            assert refusal(message, sample.encoding).field == (mandatory or [block.kind.name])[0]
        if block.kind.occurs in ("1", "0..1"):
            message = sample.message()
            message.blocks.insert(number, block)
            assert "no more" in refusal(message, sample.encoding).rule


@each_sample
@settings(max_examples=30)  # of each of eight messages, and a tree takes a millisecond to build
@given(data=st.data())
def test_blocks_out_of_order_are_refused(sample: Sample, data: st.DataObject) -> None:
    message = sample.message()
    numbers = st.integers(0, len(message.blocks) - 1)
    first, second = data.draw(st.lists(numbers, min_size=2, max_size=2, unique=True))
    message.blocks[first], message.blocks[second] = message.blocks[second], message.blocks[first]
    refusal(message, sample.encoding)


def test_segments_are_counted() -> None:
    second = CDM.index("== metadata 2")
    assert refusal(tree("CDM", "1.0", CDM[:second], "kvn")).field == "OBJECT"
    third = CDM[second:].replace(" 2\n", " 3\n")
    assert "segment" in refusal(tree("CDM", "1.0", CDM + third, "kvn")).rule
    assert refusal(tree("OEM", "3.0", OEM_KVN[: OEM_KVN.index("== metadata 1")], "kvn")).field == "OBJECT_NAME"
    assert refusal(tree("OEM", "3.0", OEM_KVN.replace("== metadata 2", "== metadata 3"), "kvn")).field == "OBJECT_NAME"
    assert "segment" in refusal(tree("OCM", "3.0", OCM + "== metadata 2\nTIME_SYSTEM = UTC\n", "kvn")).rule


def test_an_encoding_that_was_broken_is_the_error() -> None:
    message = tree("OMM", "3.0", OMM, "kvn")
    message.error = RecordRefusedError("line", "abc", "KEYWORD = value", "CCSDS 502.0-B-3, 7.4.1", 9)
    assert refusal(message) is message.error


def test_the_first_error_of_a_message_is_the_one_that_is_told() -> None:
    text = OMM.replace("= NOAA", "= \x00").replace("ECCENTRICITY = 0.0005013", "ECCENTRICITY = -1")
    assert refusal(tree("OMM", "3.0", text, "kvn")).field == "ORIGINATOR"
    text = OMM.replace("REF_FRAME = TEME\n", "").replace("ECCENTRICITY = 0.0005013", "ECCENTRICITY = -1")
    assert refusal(tree("OMM", "3.0", text, "kvn")).field == "REF_FRAME"


def test_data_lines_must_be_there_where_the_block_has_them_and_nowhere_else() -> None:
    for name, text in (("OEM", OEM_KVN), ("OCM", OCM)):
        message = tree(name, "3.0", text, "kvn")
        for block in message.blocks:
            if block.rows:
                rows, block.rows = block.rows, []
                assert refusal(message).line >= block.line
                block.rows = rows
    message = tree("OMM", "3.0", OMM + "> 1 2 3\n", "kvn")
    assert "data lines" in refusal(message).rule


def test_columns_of_states_are_those_of_the_table() -> None:
    whole = ("EPOCH", "X", "Y", "Z", "X_DOT", "Y_DOT", "Z_DOT")
    for names, field in (
        (whole, ""),
        ((*whole, "X_DDOT", "Y_DDOT", "Z_DDOT"), ""),
        ((*whole, "X_DDOT"), "Y_DDOT"),
        (whole[:3] + whole[4:], "Z"),
        (("EPOCH", "Y", "X", *whole[3:]), "X"),
        ((*whole, "W"), "W"),
    ):
        message = tree("OEM", "3.0", OEM_XML, "xml")
        run = Run(names, tuple(pa.array(["0"]) for _ in names), np.array([77], np.int64))
        next(block for block in message.blocks if block.rows).rows = [run]
        if field:
            error = refusal(message, "xml")
            assert (error.field, error.line) == (field, 77)
        else:
            judge(message, encoding="xml")


@pytest.mark.parametrize("name", ["USER_DEFINED_", "USER_DEFINED", "USER_DEFINED_\u0001"])
def test_user_defined_parameters_have_a_name(name: str) -> None:
    message = tree("OMM", "3.0", OMM, "kvn")
    message.blocks[-1].items.append(Item(name, "1", line=99))
    assert refusal(message).line == 99


def test_an_encoding_that_is_none_of_the_three_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="kvn, xml or json"):
        judge(tree("OMM", "3.0", OMM, "kvn"), encoding="csv")


def test_one_covariance_term_alone_is_refused_and_none_is_accepted_in_kvn() -> None:
    start, stop = OMM.index("CX_X = "), OMM.index("== userDefined")
    one = OMM[start:].split("\n")[0] + "\n"
    assert refusal(tree("OMM", "3.0", OMM[:start] + one + OMM[stop:], "kvn")).field == "CY_X"
    judge(tree("OMM", "3.0", OMM[:start] + OMM[stop:], "kvn"))
    assert refusal(tree("OMM", "3.0", OMM[:start] + OMM[stop:], "kvn"), "xml").field == "CX_X"


def test_what_has_a_default_in_kvn_is_mandatory_in_xml() -> None:
    for line, field in (("DC_TYPE = TIME\n", "DC_TYPE"), ("COV_ORDERING = LTM\n", "COV_ORDERING")):
        judge(tree("OCM", "3.0", OCM.replace(line, ""), "kvn"))
        assert refusal(tree("OCM", "3.0", OCM.replace(line, ""), "xml"), "xml").field == field


def test_comments_may_stand_among_user_defined_parameters() -> None:
    message = tree("OMM", "3.0", OMM + "COMMENT and\nUSER_DEFINED_B = 2\n", "kvn")
    judge(message)
    assert message.deviations == []


def test_blocks_stand_in_the_segments_they_belong_to() -> None:
    for old, new in (("== header 0", "== header 1"), ("== metadata 1", "== metadata 0")):
        assert "stands" in refusal(tree("OMM", "3.0", OMM.replace(old, new), "kvn")).rule or old == "== header 0"
    again = tree("OMM", "3.0", OMM, "kvn")
    again.blocks.append(Block(kind=again.kind.by_name["userDefinedParameters"], segment=0, line=90))
    assert refusal(again).line == 90


def test_blocks_of_another_message_are_refused() -> None:
    message = tree("OMM", "3.0", OMM, "kvn")
    message.blocks.append(Block(kind=message_kind("OCM").by_name["phys"], segment=1, line=90))
    assert refusal(message).field == "phys"
