"""Whatever stands on the log, reading it raises nothing, and what is sound is kept in its order."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ingest.log import Entry, LogRecord
from schemas.records import CONJUNCTION_SCHEMA, ELEMENT_SET_SCHEMA
from ssa_hub.services.log_reading import read_messages, read_refusals
from tests.history.examples import conjunction_row, conjunctions
from tests.hub.rooms import entries_of, orbit


def on_the_log(entries: list[Entry], topic: str = "elements") -> list[LogRecord]:
    return [LogRecord(topic, 0, n, entry.key, entry.value, entry.headers) for n, entry in enumerate(entries)]


SOUND = [entries_of([orbit(f"sound {n}")])[0] for n in range(4)]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def damaged(draw: st.DrawFn) -> Entry:
    """A message with one column replaced, removed, or nothing of a record left."""
    body = msgspec.json.decode(SOUND[0].value)
    change = draw(st.sampled_from(["replace", "remove", "bytes"]))
    if change == "bytes":
        return Entry(b"k", draw(st.binary(max_size=40)), draw(st.sampled_from([{}, SOUND[0].headers])))
    name = draw(st.sampled_from(ELEMENT_SET_SCHEMA.names))
    if change == "remove":
        del body[name]
    else:
        body[name] = draw(json_values)
    return Entry(SOUND[0].key, msgspec.json.encode(body), SOUND[0].headers)


@given(st.lists(st.sampled_from(SOUND) | damaged(), max_size=12))
def test_every_message_is_a_record_or_a_refusal_with_its_bytes(entries: list[Entry]) -> None:
    messages = on_the_log(entries)
    read = read_messages(messages, "elements")
    assert read.rows.num_rows + len(read.refused) == len(messages)
    assert read.rows.schema.equals(ELEMENT_SET_SCHEMA)
    sound = [entry for entry in entries if entry in SOUND]
    kept = [row for row in read.rows.to_pylist() if row["record_id"].startswith("sound")]
    assert len(kept) >= len(sound)
    refused = [quarantined.refusal.data for quarantined in read.refused]
    assert all(data in [entry.value for entry in entries if entry not in SOUND] for data in refused)
    again = read_messages(messages, "elements").refused
    assert [(one.payload_sha256, one.refusal) for one in again] == [
        (one.payload_sha256, one.refusal) for one in read.refused
    ], "read twice it is one refusal, so that quarantine keeps it once"


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_any_bytes_in_the_quarantine_topic_become_refusals(bodies: list[bytes]) -> None:
    messages = on_the_log([Entry(b"k", body) for body in bodies], "quarantine")
    assert [refused.refusal.data for refused in read_refusals(messages)] == bodies


def test_no_messages_are_no_records() -> None:
    assert read_messages([], "conjunctions").rows.equals(CONJUNCTION_SCHEMA.empty_table())
    assert read_refusals([]) == []


def test_a_number_that_no_column_holds_is_refused_alone() -> None:
    rows = conjunctions(conjunction_row("k1"), conjunction_row("k2")).to_pylist()
    bodies = [msgspec.json.encode(row) for row in rows]
    bodies.insert(1, bodies[0].replace(b'"miss_distance_m":0.1', b'"miss_distance_m":1e999'))
    read = read_messages(on_the_log([Entry(b"k", body) for body in bodies], "conjunctions"), "conjunctions")
    assert read.rows.to_pylist() == rows
    assert len(read.refused) == 1
