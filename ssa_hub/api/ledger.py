"""``GET /v1/ledger``, ``/entries``, ``/extract`` and ``/key``: what the disclosure ledger has about one's own data."""

from enum import StrEnum
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Response

from ssa_hub.api.access import Asking, Used
from ssa_hub.api.cursors import decode_cursor, encode_cursor
from ssa_hub.api.descriptions import json_of
from ssa_hub.api.parameters import STRICT, Cursor, UtcText, instant
from ssa_hub.api.problems import NOT_FOR_CACHES, ProblemError, documented, invalid
from ssa_hub.release.ledger_extract import ExtractEntry, LedgerExtract, write_extract
from ssa_hub.sharing.ledger_views import DisclosureSum, LedgerKeyReport
from ssa_hub.state.ledger_rows import Interval

router = APIRouter(prefix="/v1", dependencies=STRICT)

_LISTING = "ledger"
_From = Annotated[UtcText, Query(alias="from", description="from this UTC instant on; left out: from the beginning")]
_To = Annotated[UtcText, Query(alias="to", description="up to this UTC instant, excluded; left out: up to now")]


class Side(StrEnum):
    """As whom the partner asks."""

    ORIGINATOR = "originator"
    RECIPIENT = "recipient"


class LedgerReport(msgspec.Struct, frozen=True):
    """``sums``: what was released; without the members by which it was not summed."""

    asked_as: Side
    sums: list[DisclosureSum]


class LedgerEntries(msgspec.Struct, frozen=True):
    """One page of entries, oldest first; ``next`` is the cursor of the next page, null on the last."""

    entries: list[ExtractEntry]
    next: str | None


def component_schemas() -> dict[str, Any]:
    """JSON Schemas of the answers of this module and of what they are made of."""
    answers = [LedgerReport, LedgerEntries, LedgerExtract, LedgerKeyReport]
    return msgspec.json.schema_components(answers, ref_template="#/components/schemas/{name}")[1]


def _answer(body: bytes) -> Response:
    return Response(body, headers=NOT_FOR_CACHES, media_type="application/json")


def _interval(from_utc: str | None, to_utc: str | None) -> Interval:
    return Interval(instant(from_utc, "from"), instant(to_utc, "to"))


@router.get(
    "/ledger",
    response_class=Response,
    responses={200: json_of("LedgerReport", "The sums"), **documented(401, 422, 503)},
    summary="Who has received what of yours",
)
def ledger(
    used: Used,
    partner: Asking,
    from_utc: _From = None,
    to_utc: _To = None,
    side: Annotated[Side, Query(alias="as", description="originator: of your data; recipient: what you received")] = (
        Side.ORIGINATOR
    ),
    by_day: Annotated[bool, Query(description="sums by UTC day")] = False,
) -> Response:
    """As an originator: of your data, by partner, channel, kind, data mode and rule. As a recipient: what you received.

    Records are counted as often as they were sent. A derived conjunction counts for both orbits' originators.
    """
    asked = used.ledger.sums_of_mine if side is Side.ORIGINATOR else used.ledger.sums_received
    return _answer(
        msgspec.json.encode(LedgerReport(side, asked(partner.name, _interval(from_utc, to_utc), by_day=by_day)))
    )


@router.get(
    "/ledger/entries",
    response_class=Response,
    responses={200: json_of("LedgerEntries", "A page of entries"), **documented(401, 422, 503)},
    summary="The ledger's entries of your data, with record ids",
)
def entries(
    used: Used,
    partner: Asking,
    from_utc: _From = None,
    to_utc: _To = None,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=1_000, description="entries on one page")] = 100,
) -> Response:
    """Every answer that released records of yours, oldest first. Entries without record ids are only counted."""
    key = decode_cursor(_LISTING, cursor, (int, int))
    after = None if key is None else (int(key[0]), int(key[1]))
    found, position = used.ledger.entries(partner.name, _interval(from_utc, to_utc), after=after, limit=limit)
    following = None if position is None else encode_cursor(_LISTING, position)
    return _answer(msgspec.json.encode(LedgerEntries(found, following)))


@router.get(
    "/ledger/extract",
    response_class=Response,
    responses={200: json_of("LedgerExtract", "The extract"), **documented(401, 404, 422, 503)},
    summary="All entries of your data on one day, with the proof that these are all",
)
def extract(
    used: Used,
    partner: Asking,
    period: Annotated[
        str, Query(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", description="a UTC day that is over, YYYY-MM-DD")
    ],
) -> Response:
    """Signed by the hub; `ssa-hub ledger check-extract` verifies it without the hub. 404: the day is not closed."""
    try:
        found = used.ledger.extract(partner.name, period)
    except ValueError as error:
        raise invalid(str(error), "period") from error
    if found is None:
        raise ProblemError(404, "period-not-closed", "No such period", f"{period} is not a closed day of this ledger.")
    return _answer(write_extract(found))


@router.get(
    "/ledger/key",
    response_class=Response,
    responses={200: json_of("LedgerKeyReport", "The key"), **documented(401, 422, 503)},
    summary="The key that verifies the ledger's signatures",
)
def key(used: Used, partner: Asking) -> Response:
    """The hub's public Ed25519 key. Note it outside the hub, with what `check-extract` says."""
    return _answer(msgspec.json.encode(used.ledger.key()))
