"""``/v1/agreements``: an originator's own agreement, and nobody else's."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from ssa_hub.api.access import Asking, Used
from ssa_hub.api.bodies import read_body
from ssa_hub.api.descriptions import json_of
from ssa_hub.api.parameters import STRICT
from ssa_hub.api.problems import NOT_FOR_CACHES, ProblemError, documented
from ssa_hub.release.errors import AgreementError
from ssa_hub.services.own_agreement import (
    ActivatedAgreement,
    CheckedAgreement,
    NoSuchVersionError,
    OwnAgreement,
)
from ssa_hub.sharing.rehearsing import NotYoursError

router = APIRouter(prefix="/v1/agreements", dependencies=STRICT)

BODY_BYTES_MAX = 1_000_000
_ANSWERS = [OwnAgreement, CheckedAgreement, ActivatedAgreement]
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "the agreement, TOML (docs/release.md)",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary", "minLength": 1}}},
    },
}


def component_schemas() -> dict[str, Any]:
    """JSON Schemas of the answers of this module and of what they are made of."""
    return msgspec.json.schema_components(_ANSWERS, ref_template="#/components/schemas/{name}")[1]


def not_yours() -> ProblemError:
    """403: another originator's agreement, whether there is one or not."""
    return ProblemError(403, "not-yours", "Not for you", "An agreement is its originator's alone: it must name you.")


def refused(error: AgreementError) -> ProblemError:
    """422: every mistake of an agreement, with its line where it has one."""
    problem = ProblemError(422, "invalid-agreement", "The agreement has mistakes, or its examples do not hold")
    told = tuple({"field": mistake.key, "message": str(mistake)} for mistake in error.mistakes)
    problem.problem = msgspec.structs.replace(problem.problem, errors=told)
    return problem


def _answer(told: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(told), headers=NOT_FOR_CACHES, media_type="application/json")


@router.get(
    "/mine",
    response_class=Response,
    responses={200: json_of("OwnAgreement", "Your agreement"), **documented(401, 422, 503)},
    summary="Your own agreement and its history",
)
def mine(used: Used, partner: Asking) -> Response:
    """The text and version in force, and each time that a version was: since when, until when, by whose act."""
    return _answer(used.own_agreements.of(partner))


@router.post(
    "/check",
    response_class=Response,
    responses={200: json_of("CheckedAgreement", "It can be put into force"), **documented(401, 403, 413, 422, 503)},
    openapi_extra=_BODY,
    summary="Check a draft of your agreement",
)
async def check(request: Request, used: Used, partner: Asking) -> Response:
    """Read a draft and try its examples; nothing is changed. A draft with mistakes is a 422 that names every one."""
    data = await read_body(request, BODY_BYTES_MAX)
    try:
        return _answer(await run_in_threadpool(used.own_agreements.check, partner, data))
    except AgreementError as error:
        raise refused(error) from None
    except NotYoursError:
        raise not_yours() from None


@router.put(
    "/mine",
    response_class=Response,
    responses={200: json_of("ActivatedAgreement", "It is in force"), **documented(401, 403, 413, 422, 503)},
    openapi_extra=_BODY,
    summary="Put your agreement into force",
)
async def activate(request: Request, used: Used, partner: Asking) -> Response:
    """In the place of the one in force, from the next answer on. Recorded with who and when; restore takes it back."""
    data = await read_body(request, BODY_BYTES_MAX)
    try:
        return _answer(await run_in_threadpool(used.own_agreements.activate, partner, data))
    except AgreementError as error:
        raise refused(error) from None
    except NotYoursError:
        raise not_yours() from None


@router.post(
    "/mine/restore",
    response_class=Response,
    responses={200: json_of("ActivatedAgreement", "It is in force again"), **documented(401, 404, 422, 503)},
    summary="Put an earlier version of your agreement into force again",
)
def restore(
    used: Used,
    partner: Asking,
    version: Annotated[str, Query(pattern="^[0-9a-f]{16}$", description="a version that your history names")],
) -> Response:
    """Its examples must hold for the partners of today, or it is a 422."""
    try:
        return _answer(used.own_agreements.restore(partner, version))
    except NoSuchVersionError:
        raise ProblemError(404, "not-found", "Not found", "You never had that version in force.") from None
    except AgreementError as error:
        raise refused(error) from None
