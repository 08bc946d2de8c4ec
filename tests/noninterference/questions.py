"""What a partner can ask: every endpoint, in every format, with pages, filters, made-up cursors and ids."""

from typing import Any, NamedTuple

import httpx
from hypothesis import strategies as st

from schemas.timescales import format_utc
from ssa_hub.api.cursors import encode_cursor
from tests.api.answers import OF_THE_INSTANT
from tests.api.manoeuvres import ASKED, oem
from tests.api.records import NOW_TAI_NS, record_id, utc
from tests.conjunction.populations import EPOCH_TAI_NS

_PAGES_MAX = 12


class Question(NamedTuple):
    """One request. ``follow``: the pages after the first are asked for, too."""

    path: str
    query: dict[str, Any]
    headers: dict[str, str] = {}  # noqa: RUF012 (never changed)
    body: bytes | None = None
    follow: bool = False


_LISTINGS = {
    "elements": (
        "json",
        "ndjson",
        "csv",
        "arrow",
        "parquet",
        "omm-kvn",
        "omm-xml",
        "omm-json",
        "omm-csv",
        "tle",
        "3le",
    ),
    "elements/history": ("json", "csv", "arrow", "tle"),
    "objects": ("json", "arrow", "csv"),
    "conjunctions": ("json", "ndjson", "csv", "arrow", "parquet"),
    "conjunction-messages": ("json", "ndjson", "csv", "arrow", "parquet"),
    "ephemerides": ("json", "csv", "arrow"),
}
_SINCE = {"from": utc(-100_000), "to": utc(0)}
FIXED: tuple[Question, ...] = (
    *(Question(f"/v1/{listing}", {"format": form}) for listing, forms in _LISTINGS.items() for form in forms),
    *(Question(f"/v1/{listing}", {"limit": limit}, follow=True) for listing in _LISTINGS for limit in (1, 2, 3)),
    *(Question(f"/v1/{listing}", {"data_mode": "EXERCISE"}) for listing in _LISTINGS),
    *(Question(f"/v1/{listing}", {"format": "tle", "sidecar": "true"}) for listing in ("elements", "elements/history")),
    Question("/v1/conjunctions", {"format": "csv", "sidecar": "true"}),
    Question("/v1/elements", {"known_at": utc(-5_000)}),
    Question("/v1/elements", {"known_at": utc(-5_000), "limit": 1}, follow=True),
    Question("/v1/elements", {"object_id": "cat-25544"}),
    Question("/v1/elements", {"catalogue_number": 20580, "format": "arrow"}),
    Question("/v1/elements", {"cursor": encode_cursor("elements", ("cat-20580",))}),
    Question("/v1/elements/history", {"epoch_from": utc(-2 * 864)}),
    Question("/v1/elements/history", {"epoch_from": utc(-864 - 1), "epoch_to": utc(-863)}),
    Question("/v1/elements/history", {"known_at": utc(-3_700), "format": "arrow"}),
    *(Question("/v1/elements/changes", {**_SINCE, "format": form}) for form in ("json", "csv", "arrow", "tle")),
    *(Question("/v1/elements/changes", {**_SINCE, "limit": limit}, follow=True) for limit in (1, 2)),
    Question("/v1/elements/changes", {"from": utc(-4_000), "to": utc(-1_000)}),
    Question("/v1/elements/changes", {**_SINCE, "data_mode": "EXERCISE"}),
    Question("/v1/elements/changes", {**_SINCE, "cursor": encode_cursor("changes", ("cat-20580",))}),
    Question("/v1/elements/changes", {**_SINCE, "format": "csv", "sidecar": "true"}),
    *(Question("/v1/elements/side-by-side", {"format": form}) for form in ("json", "csv", "arrow", "tle")),
    *(Question("/v1/elements/side-by-side", {"limit": limit}, follow=True) for limit in (1, 3)),
    Question("/v1/elements/side-by-side", {"known_at": utc(-3_700), "object_id": "cat-25544"}),
    Question("/v1/elements", {"known_at": utc(-100_000), "format": "arrow"}),
    Question("/v1/conjunction-messages", {"tca_to": utc(2)}),
    Question("/v1/conjunction-messages", {"tca_from": utc(1), "catalogue_number": 25544}),
    Question("/v1/conjunction-messages", {"cursor": encode_cursor("conjunction-messages", (NOW_TAI_NS, "8"))}),
    Question("/v1/ephemerides", {"usable_from": utc(1), "usable_to": utc(3_599)}),
    Question("/v1/ephemerides", {"object_id": "cat-25544", "known_at": utc(-3_700)}),
    Question("/v1/conjunctions", {"miss_distance_max_m": 600}),
    Question("/v1/conjunctions", {"miss_distance_max_m": 1_600, "format": "arrow"}),
    Question("/v1/conjunctions", {"tca_to": utc(2)}),
    Question("/v1/conjunctions", {"tca_from": utc(1), "object_id": "cat-25544"}),
    Question("/v1/conjunctions", {"cursor": encode_cursor("conjunctions", (NOW_TAI_NS, "8"))}),
    Question("/v1/stream", {"from_beginning": True, "wait_s": 0}),
    Question("/v1/stream", {"from_beginning": True, "wait_s": 0, "kind": "conjunctions"}),
    Question("/v1/stream", {"from_beginning": True, "wait_s": 0, "data_mode": "EXERCISE"}),
    Question("/v1/stream", {"wait_s": 0}),
    Question("/v1/stream", {"from_beginning": True, "wait_s": 0, "last": 2}),
    Question("/v1/notices", {}),
    Question("/v1/notices", {"data_mode": "EXERCISE"}),
    Question("/v1/withdrawals", {}),
    Question("/v1/withdrawals/1", {}),
    Question("/v1/withdrawals", {}, body=b'{"record_ids": ["%s"], "reason": "guess"}' % record_id("none").encode()),
    Question("/v1/tear-lines/about-mine", {}),
    Question("/v1/ledger", {}),
    Question("/v1/ledger", {"as": "recipient"}),
    Question("/v1/ledger/entries", {}),
    Question("/v1/posture", {}),
    Question("/v1/agreements/mine", {}),
    Question("/v1/screening", {}),
    Question("/v1/elements", {"limit": 0}),
    Question("/v1/elements", {"cursor": "x"}),
    Question("/v1/conjunctions", {"format": "tle"}),
    *(Question("/v1/elements/export", {"format": form}) for form in ("parquet", "arrow", "csv", "ndjson")),
    *(Question("/v1/conjunctions/export", {"format": form}) for form in ("arrow", "csv")),
    Question("/v1/elements/export", {"format": "arrow", "epoch_from": utc(-2 * 864), "received_to": utc(-3_700)}),
    Question("/v1/exports", {}),
    Question("/v1/exports/" + "0" * 32, {}),
    Question("/v1/nothing", {}),
    Question("/v1/what-if", ASKED, body=oem()),
    Question("/v1/what-if", {**ASKED, "start": format_utc(EPOCH_TAI_NS, 3), "threshold_km": 50}, body=oem()),
)


def about(record: str) -> tuple[Question, ...]:
    """Questions that name a record."""
    return (
        Question("/v1/explain", {"record_id": record}),
        Question("/v1/explain", {"record_id": record, "partner": "GAMMA"}),
        Question("/v1/stream", {"wait_s": 0}, {"Last-Event-ID": f"0;0:{record}"}),
        Question("/v1/elements", {"cursor": encode_cursor("elements", (record,))}),
        Question(f"/v1/ephemerides/{record}/covariances", {}),
        Question("/v1/conjunctions", {"cursor": encode_cursor("conjunctions", (NOW_TAI_NS, record))}),
        Question("/v1/withdrawals", {}, body=b'{"record_ids": ["%s"], "reason": "guess"}' % record.encode()),
    )


def sampled(records: list[str]) -> st.SearchStrategy[list[Question]]:
    """Some of all questions; what is not asked in one world is asked in another."""
    named = tuple(question for record in records for question in about(record))
    return st.lists(st.sampled_from(FIXED), min_size=6, max_size=10, unique_by=id).flatmap(
        lambda some: st.lists(st.sampled_from(named), min_size=2, max_size=5, unique_by=id).map(
            lambda more: some + more
        )
    )


Said = tuple[int, list[tuple[str, str]], bytes]


def answers(client: httpx.Client, question: Question) -> list[Said]:
    """Everything of the answer, and of those of the pages after it, but the time on its date."""
    found: list[Said] = []
    query = question.query
    for _ in range(_PAGES_MAX):
        method = "GET" if question.body is None else "POST"
        answer = client.request(method, question.path, params=query, headers=question.headers, content=question.body)
        headers = sorted(header for header in answer.headers.multi_items() if header[0] not in OF_THE_INSTANT)
        found.append((answer.status_code, headers, answer.content))
        if not question.follow or "SSA-Next-Cursor" not in answer.headers:
            break
        query = {**query, "cursor": answer.headers["SSA-Next-Cursor"]}
    return found
