"""What schemathesis must know of the API besides its description: texts with a meaning, and that streams can end.

For the command line: ``SCHEMATHESIS_HOOKS=tests.api.schemathesis_hooks``. Nothing here touches a case that is meant to
be refused: those are sent as they were made.
"""

from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode

from schemas.timescales import LAST_YEAR, format_utc, parse_utc
from ssa_hub.api.cursors import encode_cursor
from tests.api.manoeuvres import omm, orbit

_FIRST, _LAST = parse_utc("1972-01-01T00:00:00"), parse_utc(f"{LAST_YEAR}-12-31T00:00:00")

schemathesis.openapi.format("utc", st.integers(_FIRST, _LAST).map(lambda instant: format_utc(instant, 9)))

_PLANNED = omm(orbit("planned", 9_001))
_AGREEMENT = 'originator = "BETA"\n'
_LABEL = '{"policy": "PUBLIC", "classification": "UNCLASSIFIED"}'

# A cursor is for one listing, an event's id for one partner: no format of theirs holds everywhere.
_CURSORS = {
    "/v1/elements": ("elements", "cat-2"),
    "/v1/elements/history": ("history", "cat-2", 0, 0, ""),
    "/v1/elements/changes": ("changes", "cat-2"),
    "/v1/elements/side-by-side": ("side-by-side", "cat-2", "", ""),
    "/v1/objects": ("objects", "cat-2"),
    "/v1/conjunctions": ("conjunctions", 0, ""),
    "/v1/conjunction-messages": ("conjunction-messages", 0, ""),
    "/v1/ephemerides": ("ephemerides", 0, ""),
    "/v1/ledger/entries": ("ledger", 0, 0),
}


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, Any]) -> None:
    """Put real cursors and ids in the place of made-up ones, and let streams wait for nothing."""
    query = dict(case.query) if isinstance(case.query, dict) else {}
    if case.path == "/v1/stream" and _means_to_wait(query.get("wait_s")):
        case.query = query = {**query, "wait_s": 0}
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    if query.get("cursor") is not None and case.path in _CURSORS:
        listing, *key = _CURSORS[case.path]
        case.query = query = {**query, "cursor": encode_cursor(str(listing), tuple(key))}
    if "period" in query:
        case.query = query = {**query, "period": "2026-01-01"}  # not every text of that form is a day
    for name in [name for name in case.headers or {} if name.lower() == "ssa-label"]:
        if "alternatives" in case.headers[name] or "succession" in case.headers[name]:
            case.headers[name] = _LABEL  # which labels may stand within a label no schema says
    if case.path == "/v1/elements/changes" and query.get("from", "") > query.get("to", ""):
        case.query = query = {**query, "from": query["to"]}  # which instant is the earlier no schema says
    if case.path in _CURSORS and "sidecar" in query:
        case.query = query = {**query, "sidecar": "false"}  # a page without rows has no label to bind
    if case.path == "/v1/notices" and "after" in query:
        case.query = {name: value for name, value in query.items() if name != "after"}  # he has been sent none
    if case.path == "/v1/what-if" and isinstance(case.body, str | bytes):
        case.body = _PLANNED  # which bytes are an orbit no schema says
    if case.path.startswith("/v1/agreements/") and isinstance(case.body, str | bytes):
        case.body = _AGREEMENT.encode()  # nor which are an agreement of the asker's
    if case.path == "/v1/exports" and isinstance(case.body, dict):
        case.body = {"kind": "elements"}  # not every text is an instant
    if case.path == "/v1/rehearsals":
        case.body = {"agreement": _AGREEMENT}
    for name in [name for name in case.headers or {} if name.lower() == "last-event-id"]:
        case.headers[name] = "0"


def _means_to_wait(wait_s: Any) -> bool:
    """True for what the API would take as a time to wait, or for ever."""
    try:
        return wait_s is None or 0 <= float(wait_s) <= 86_400
    except (TypeError, ValueError):
        return False
