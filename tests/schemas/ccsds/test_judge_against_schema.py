"""The judge and the CCSDS XML schemas say the same of messages that were changed at random."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from lxml import etree

from schemas.ccsds.judge import judge
from schemas.ccsds.tree import Item, Message
from schemas.refusals import RecordRefusedError
from tests.schemas.ccsds.judged_messages import SAMPLES, Sample, changed, xml_of
from tests.schemas.generated_elements import data_file

_IN_XML = [sample for sample in SAMPLES if sample.encoding == "xml"]
_WORDS = ["1.5", "-1", "0", "400", "2", "abc", "2026-12-18T12:00:00", "2026-13-18", "YES", "GCRF", "OBJECT1", "LTM"]
# What the books bound more tightly than the schemas do, or words of the schema's that only case tells apart.
_STRICTER = {"MISS_DISTANCE", "RELATIVE_SPEED", "SCREEN_VOLUME_X", "SCREEN_VOLUME_Y", "SCREEN_VOLUME_Z"}
_STRICTER |= {"EPHEMERIS_TYPE", "NORAD_CAT_ID", "CLASSIFICATION_TYPE"}
# Mandatory by the schema in its block, conditional by the book: the message's own package says when.
_LOOSER = {"BSTAR", "MEAN_MOTION_DOT", "MEAN_MOTION_DDOT"}


@pytest.fixture(scope="module")
def schema() -> etree.XMLSchema:
    master = data_file("ccsds-xsd/ccsds-ndm/ndmxml-4.0.0-master-4.0.xsd")
    return etree.XMLSchema(etree.parse(str(master)))


def _verdicts(schema: etree.XMLSchema, message: Message) -> tuple[bool, bool, str]:
    """(the schema's, ours, why)."""
    by_schema = schema.validate(etree.fromstring(xml_of(message)))
    try:
        judge(message, encoding="xml")
    except RecordRefusedError as error:
        return by_schema, False, f"{error}; {schema.error_log.last_error}"
    return by_schema, not message.deviations, f"{message.deviations}; {schema.error_log.last_error}"


@pytest.mark.parametrize("sample", _IN_XML, ids=lambda sample: sample.name)
def test_the_hand_made_messages_are_valid_by_the_schema(schema: etree.XMLSchema, sample: Sample) -> None:
    by_schema, by_judge, why = _verdicts(schema, sample.message())
    assert (by_schema, by_judge) == (True, True), why


@pytest.mark.parametrize("sample", _IN_XML, ids=lambda sample: sample.name)
@given(data=st.data())
def test_a_keyword_removed_doubled_or_moved_is_refused_by_both_or_by_none(
    schema: etree.XMLSchema, sample: Sample, data: st.DataObject
) -> None:
    message = sample.message()
    block = data.draw(st.sampled_from([i for i, b in enumerate(message.blocks) if len(b.items) > 1]))
    items = list(message.blocks[block].items)
    assume(not message.blocks[block].kind.user_defined)
    place = data.draw(st.integers(0, len(items) - 1))
    assume(items[place].keyword not in _LOOSER | {"COMMENT"})
    change = data.draw(st.sampled_from(["remove", "double", "move"]))
    if change == "remove":
        del items[place]
    elif change == "double":
        items.insert(place, items[place])
    else:
        other = data.draw(st.integers(0, len(items) - 1))
        assume(items[other].keyword != "COMMENT")
        items[place], items[other] = items[other], items[place]
    by_schema, by_judge, why = _verdicts(schema, changed(message, block, items))
    assert by_schema == by_judge, why


@pytest.mark.parametrize("sample", _IN_XML, ids=lambda sample: sample.name)
@given(data=st.data())
def test_a_value_or_units_changed_are_refused_by_both_or_by_none(
    schema: etree.XMLSchema, sample: Sample, data: st.DataObject
) -> None:
    message = sample.message()
    block = data.draw(st.sampled_from([i for i, b in enumerate(message.blocks) if b.items]))
    items = list(message.blocks[block].items)
    place = data.draw(st.integers(0, len(items) - 1))
    assume(items[place].keyword not in _STRICTER | {"COMMENT"} and not message.blocks[block].kind.user_defined)
    known = message.blocks[block].kind.by_name[items[place].keyword]
    if data.draw(st.booleans()):
        text = data.draw(st.sampled_from(_WORDS))
        # The schema takes any number and much else for an epoch; the book does not.
        assume(known.type != "epoch" or text in ("abc", "2026-12-18T12:00:00"))
        assume(not (known.type == "integer" and text == "2" and known.high == 1))
        items[place] = items[place]._replace(text=text)
    else:
        units = data.draw(st.sampled_from(["", "km", "m", "furlong", "KM"]))
        items[place] = Item(items[place].keyword, items[place].text, units)
    by_schema, by_judge, why = _verdicts(schema, changed(message, block, items))
    assert by_schema == by_judge, why
