"""Streams look when something is recorded, not only by the clock; but not so that a hidden record's moment shows."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from schemas.records import DataMode
from ssa_hub.sharing import stream as streams
from ssa_hub.sharing.stream import NOTICES, StreamStart
from ssa_hub.state.feed import BEGINNING
from tests.api.records import element, record_id
from tests.api.served_hub import ServedHub
from tests.api.test_stream import live

FROM_BEGINNING = StreamStart(0, {}, None, BEGINNING, None)


def seen_at_a_look(hub: ServedHub, name: str, *, woken: bool) -> int:
    """How many records one look finds for a partner."""
    (partner,) = (partner for partner in hub.state.partners.all() if partner.name == name)
    kinds = ("elements", "conjunctions", NOTICES)
    look = hub.services.stream._look(lambda: partner, FROM_BEGINNING, kinds, DataMode.REAL, 10, woken)
    assert look is not None
    assert not (woken and look.notices)
    return len(look.records)


def test_a_partner_under_a_delay_is_shown_records_by_the_clock_alone(own_hub: ServedHub) -> None:
    assert seen_at_a_look(own_hub, "BETA", woken=True) == 0
    assert seen_at_a_look(own_hub, "BETA", woken=False) > 0
    assert seen_at_a_look(own_hub, "GAMMA", woken=True) == seen_at_a_look(own_hub, "GAMMA", woken=False) > 0


def test_a_record_is_sent_when_it_is_recorded_though_the_clock_would_ask_in_an_hour(
    own_hub: ServedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "_LOOK_EVERY_S", 3_600.0)
    over = threading.Event()

    def telling() -> None:
        # Told again and again: the stream's first look may come before the record or after it.
        while not over.wait(0.05):
            own_hub.state.news.tell()

    with (
        ThreadPoolExecutor(1) as executor,
        own_hub.client("GAMMA").stream("GET", "/v1/stream", params={"last": 1, "kind": "elements"}) as answer,
    ):
        events = live(answer.iter_lines())
        assert next(events) == ("begun", {})
        own_hub.record([element("live", 20581)])
        executor.submit(telling)
        try:
            assert next(events)[1]["record_id"] == own_hub.shown_id("GAMMA", record_id("live"))
        finally:
            over.set()
