"""An originator's extract: whole it is accepted, and anything less is not."""

from collections.abc import Callable

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from ssa_hub.release.ledger_extract import (
    ExtractError,
    LedgerExtract,
    entry_of,
    make_extract,
    read_extract,
    verify_extract,
    verify_row,
    write_extract,
)
from ssa_hub.release.ledger_periods import FIRST_PREVIOUS_SHA256, PeriodContent, closed_period
from ssa_hub.release.merkle import sparse_root
from tests.release.ledgers import DAY_NS, HOUR_NS, KEYS, NOON_TAI_NS, chained, disclosure

_PUBLIC = Ed25519PrivateKey.from_private_bytes(bytes(range(32))).public_key().public_bytes_raw()


def _extracts(originator: str) -> list[LedgerExtract]:
    """Of two days: the first with entries of two originators, the second with one of BOREAL's only."""
    entries = chained(
        (NOON_TAI_NS, [disclosure("AQUILA", "BOREAL", 1, 2), disclosure("BOREAL", "AQUILA", 3)]),
        (
            NOON_TAI_NS + HOUR_NS,
            [disclosure("AQUILA", "CETUS", 2), disclosure("AQUILA", "CETUS", records=7, record_ids=b"")],
        ),
        (NOON_TAI_NS + DAY_NS, [disclosure("BOREAL", "CETUS", 4)]),
    )
    found, previous, number, head = [], FIRST_PREVIOUS_SHA256, 1, bytes(32)
    for period in sorted({entry.period for entry in entries}):
        content = PeriodContent(number, head)
        own = [entry for entry in entries if entry.period == period]
        for entry in own:
            content.add(entry, entry.content())
        root = sparse_root(content.leaves(), KEYS.blinding_key(period))
        closed = closed_period(period, content, root, previous, KEYS, NOON_TAI_NS + 3 * DAY_NS)
        mine = [entry_of(entry) for entry in own if entry.originator == originator.encode()]
        found.append(make_extract(originator, closed, previous, content.leaves(), mine, KEYS))
        previous, number, head = closed.period_sha256, content.last_number + 1, content.head_sha256
    return found


def test_a_true_extract_is_accepted_with_nothing_but_the_public_key() -> None:
    extract = read_extract(write_extract(_extracts("AQUILA")[0]))
    assert [entry.records for entry in extract.entries] == [2, 1, 7]
    verify_extract(extract, _PUBLIC)


def test_that_nothing_was_released_is_proved() -> None:
    for extract in (_extracts("AQUILA")[1], *_extracts("NOBODY")):
        assert extract.entries == ()
        verify_extract(extract, _PUBLIC)


def test_an_empty_extract_of_who_has_entries_is_refused() -> None:
    extract = msgspec.structs.replace(_extracts("AQUILA")[0], entries=())
    with pytest.raises(ExtractError, match="not all those"):
        verify_extract(extract, _PUBLIC)
    with pytest.raises(ExtractError):
        verify_extract(msgspec.structs.replace(extract, originator="NOBODY"), _PUBLIC)


_replace = msgspec.structs.replace


@pytest.mark.parametrize(
    "falsify",
    [
        lambda e: _replace(e, entries=e.entries[:-1]),
        lambda e: _replace(e, entries=e.entries[1:]),
        lambda e: _replace(e, entries=(e.entries[1], e.entries[0], e.entries[2])),
        lambda e: _replace(e, entries=(*e.entries, e.entries[0])),
        lambda e: _replace(e, entries=(_replace(e.entries[0], partner="CETUS"), *e.entries[1:])),
        lambda e: _replace(e, entries=(_replace(e.entries[0], rule="allies-brief"), *e.entries[1:])),
        lambda e: _replace(e, entries=(_replace(e.entries[0], pseudonymous=True), *e.entries[1:])),
        lambda e: _replace(e, entries=(_replace(e.entries[0], record_ids=(), records=2), *e.entries[1:])),
        lambda e: _replace(
            e, entries=(_replace(e.entries[0], released_tai_ns=e.entries[0].released_tai_ns + 1), *e.entries[1:])
        ),
        lambda e: _replace(e, originator="BOREAL"),
        lambda e: _replace(e, period=_extracts("AQUILA")[1].period),
        lambda e: _replace(e, period=_replace(e.period, day="2026-03-05")),
        lambda e: _replace(e, proof=_extracts("BOREAL")[0].proof),
        lambda e: _replace(e, period=_replace(e.period, merkle_root="00" * 32)),
    ],
)  # fmt: skip
def test_a_false_extract_is_refused(falsify: Callable[[LedgerExtract], LedgerExtract]) -> None:
    with pytest.raises(ExtractError):
        verify_extract(falsify(_extracts("AQUILA")[0]), _PUBLIC)


def test_another_key_is_refused() -> None:
    with pytest.raises(ExtractError, match="not the hub's signature"):
        verify_extract(_extracts("AQUILA")[0], Ed25519PrivateKey.generate().public_key().public_bytes_raw())


@given(st.data())
def test_one_character_changed_anywhere_in_the_file_is_found(data: st.DataObject) -> None:
    true = write_extract(_extracts("AQUILA")[0])
    place = data.draw(st.integers(0, len(true) - 1))
    changed = bytearray(true)
    changed[place] ^= data.draw(st.sampled_from([1, 2, 4, 8, 16, 64, 128]))
    try:
        false = read_extract(bytes(changed))
    except ExtractError:
        return
    if false == read_extract(true):  # white space, or another way to write the same
        return
    with pytest.raises(ExtractError):
        verify_extract(false, _PUBLIC)


def test_days_that_are_not_links_of_one_chain_are_refused() -> None:
    first, second = _extracts("AQUILA")
    verify_row([second, first], _PUBLIC)
    apart = _replace(first, period=_replace(first.period, previous_sha256="11" * 32))
    with pytest.raises(ExtractError):
        verify_row([apart, second], _PUBLIC)


def test_a_hub_that_signs_two_records_of_a_day_is_found() -> None:
    first, second = _extracts("AQUILA")
    # The hub, with its own key, makes another first day, without AQUILA's entries, for somebody else's eyes.
    content = PeriodContent(1)
    root = sparse_root({}, KEYS.blinding_key(20_516))
    other = closed_period(20_516, content, root, FIRST_PREVIOUS_SHA256, KEYS, NOON_TAI_NS + 3 * DAY_NS)
    false = make_extract("AQUILA", other, FIRST_PREVIOUS_SHA256, {}, [], KEYS)
    assert false.period.day == first.period.day
    verify_extract(false, _PUBLIC)
    with pytest.raises(ExtractError, match="two different records"):
        verify_row([first, false], _PUBLIC)
    with pytest.raises(ExtractError, match="does not follow"):
        verify_row([false, second], _PUBLIC)
