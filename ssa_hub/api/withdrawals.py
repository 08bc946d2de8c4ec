"""``POST /v1/withdrawals``, ``GET /v1/withdrawals``, ``GET /v1/withdrawals/{withdrawal_id}``."""

import re
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Request, Response
from starlette.concurrency import run_in_threadpool

from ssa_hub.api.access import Asking, Used
from ssa_hub.api.bodies import read_body
from ssa_hub.api.descriptions import json_of
from ssa_hub.api.parameters import STRICT
from ssa_hub.api.problems import NOT_FOR_CACHES, ProblemError, documented, invalid, not_found
from ssa_hub.release.partner import Partner
from ssa_hub.sharing.withdrawal_views import WithdrawalReport, WithdrawalSummary
from ssa_hub.sharing.withdrawing import RECORDS_MAX, NotHisError, Recall, WithdrawnAlreadyError

router = APIRouter(prefix="/v1", dependencies=STRICT)

_MAX_BODY_BYTES = 2**20
_REASON_LENGTH_MAX = 2_000
_RECORD_ID, _SHA256 = re.compile("[0-9a-f]{32}", re.ASCII), re.compile("[0-9a-f]{64}", re.ASCII)

_RECALL: dict[str, Any] = {
    "type": "object",
    "description": "Exactly one of record_ids and payload_sha256",
    "required": ["reason"],
    "additionalProperties": False,
    "properties": {
        "record_ids": {
            "type": "array",
            "minItems": 1,
            "maxItems": RECORDS_MAX,
            "items": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
            "description": "records of yours; of conjunctions those of two orbits that are both yours",
        },
        "payload_sha256": {
            "type": "string",
            "pattern": "^[0-9a-f]{64}$",
            "description": "every record of yours of what you pushed with this hash, also what is still being recorded",
        },
        "reason": {"type": "string", "minLength": 1, "maxLength": _REASON_LENGTH_MAX, "description": "why"},
        "reason_to_recipients": {
            "type": "boolean",
            "default": True,
            "description": "whether those who received the records are told the reason",
        },
        "derived": {
            "enum": ["flag", "withdraw"],
            "default": "flag",
            "description": "conjunctions of a withdrawn orbit: shown with parent_withdrawn, or withdrawn as well",
        },
    },
    "oneOf": [{"required": ["record_ids"]}, {"required": ["payload_sha256"]}],
}
_DESCRIBED: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": _RECALL}}},
}
_CONFLICT: dict[int | str, dict[str, Any]] = {
    409: {
        "description": "All of it is withdrawn already",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}


class WithdrawalList(msgspec.Struct, frozen=True):
    """Withdrawals, the last first."""

    items: tuple[WithdrawalSummary, ...]


def component_schemas() -> dict[str, Any]:
    """JSON Schemas of the answers of this module and of what they are made of."""
    template = "#/components/schemas/{name}"
    return msgspec.json.schema_components([WithdrawalList, WithdrawalReport], ref_template=template)[1]


@router.post(
    "/withdrawals",
    status_code=201,
    response_class=Response,
    responses={
        201: json_of("WithdrawalReport", "Withdrawn"),
        **documented(401, 404, 413, 422, 503),
        **_CONFLICT,
    },
    openapi_extra=_DESCRIBED,
    summary="Withdraw records of yours",
)
async def withdraw(request: Request, used: Used, partner: Asking) -> Response:
    """Recall records that you are the originator of: when this is answered, nobody is shown them any more.

    The orbits before them are the newest again, and screening starts anew without the withdrawn ones. Everybody who
    received any of it gets a notice, and is asked to confirm. What is not yours is answered as what does not exist.
    """
    recall = _read(await read_body(request, _MAX_BODY_BYTES))
    try:
        report = await run_in_threadpool(_withdraw, used, partner, recall)
    except NotHisError:
        raise not_found("Not all of it exists and is yours; nothing was withdrawn.") from None
    except WithdrawnAlreadyError:
        raise ProblemError(409, "withdrawn-already", "All of it is withdrawn already") from None
    return _answer(report, 201)


def _withdraw(used: Used, partner: Partner, recall: Recall) -> WithdrawalReport:
    number = used.withdrawing.withdraw(partner.name, recall, by=partner.name)
    return used.withdrawals.made(number)


@router.get(
    "/withdrawals",
    response_class=Response,
    responses={200: json_of("WithdrawalList", "Your withdrawals"), **documented(401, 422, 503)},
    summary="Withdrawals",
)
def withdrawals(used: Used, partner: Asking) -> Response:
    """Your own withdrawals, the last first. A steward sees that others have withdrawn something, not what or why."""
    return _answer(WithdrawalList(tuple(used.withdrawals.listed(partner))))


@router.get(
    "/withdrawals/{withdrawal_id}",
    response_class=Response,
    responses={200: json_of("WithdrawalReport", "The withdrawal"), **documented(401, 404, 422, 503)},
    summary="One withdrawal, and who has confirmed it",
)
def withdrawal(
    used: Used,
    partner: Asking,
    withdrawal_id: Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="as the list names it")],
) -> Response:
    """For its originator: who received any of it, through which channels, who was told when, who has confirmed when.

    Everybody else gets the answer of a withdrawal that does not exist.
    """
    report = used.withdrawals.report(partner, withdrawal_id)
    if report is None:
        raise not_found("There is no such withdrawal of yours.")
    return _answer(report)


def _answer(body: WithdrawalList | WithdrawalReport, status: int = 200) -> Response:
    return Response(msgspec.json.encode(body), status, headers=NOT_FOR_CACHES, media_type="application/json")


def _read(body: bytes) -> Recall:
    """What is recalled. Raises a 422 problem that names what is wrong."""
    try:
        recall = msgspec.json.decode(body, type=Recall)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise invalid(str(error), "body") from error
    if (recall.record_ids is None) == (recall.payload_sha256 is None):
        raise invalid("exactly one of record_ids and payload_sha256", "record_ids")
    if recall.record_ids is not None:
        if not 1 <= len(recall.record_ids) <= RECORDS_MAX:
            raise invalid(f"from 1 to {RECORDS_MAX} ids", "record_ids")
        if any(_RECORD_ID.fullmatch(record_id) is None for record_id in recall.record_ids):
            raise invalid("record ids have 32 hexadecimal digits, in small letters", "record_ids")
    if recall.payload_sha256 is not None and _SHA256.fullmatch(recall.payload_sha256) is None:
        raise invalid("64 hexadecimal digits, in small letters", "payload_sha256")
    if not 1 <= len(recall.reason) <= _REASON_LENGTH_MAX:
        raise invalid(f"from 1 to {_REASON_LENGTH_MAX} characters", "reason")
    return recall
