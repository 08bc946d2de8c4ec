"""``/v1/posture``: what it is for everybody, who set it for those entitled, setting it for the role posture."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Response

from ssa_hub.api.access import Asking, Used
from ssa_hub.api.descriptions import json_of
from ssa_hub.api.parameters import STRICT
from ssa_hub.api.problems import NOT_FOR_CACHES, ProblemError, documented
from ssa_hub.release.partner import Posture
from ssa_hub.sharing.posture import NotEntitledError, PostureHistory, PostureNow

router = APIRouter(prefix="/v1", dependencies=STRICT)


def component_schemas() -> dict[str, Any]:
    """JSON Schemas of the answers of this module and of what they are made of."""
    return msgspec.json.schema_components([PostureNow, PostureHistory], ref_template="#/components/schemas/{name}")[1]


def _answer(told: PostureNow | PostureHistory) -> Response:
    return Response(msgspec.json.encode(told), headers=NOT_FOR_CACHES, media_type="application/json")


@router.get(
    "/posture",
    response_class=Response,
    responses={200: json_of("PostureNow", "The posture now"), **documented(401, 422, 503)},
    summary="The posture that answers are made under",
)
def posture(used: Used, partner: Asking) -> Response:
    """The posture, and your policy version under it. Every partner may know it."""
    return _answer(used.posture.now(partner))


@router.put(
    "/posture",
    response_class=Response,
    responses={200: json_of("PostureNow", "The posture now"), **documented(401, 403, 422, 503)},
    summary="Set the posture",
)
def set_posture(
    used: Used, partner: Asking, posture: Annotated[Posture, Query(description="the posture to set")]
) -> Response:
    """For partners with the role posture: one act, recorded, which every answer and open stream follows at once.

    Setting what it is already changes nothing and is not recorded.
    """
    try:
        return _answer(used.posture.change(partner, posture).now)
    except NotEntitledError:
        raise _not_for_you("Only partners with the role posture set it.") from None


@router.get(
    "/posture/history",
    response_class=Response,
    responses={200: json_of("PostureHistory", "All changes, oldest first"), **documented(401, 403, 422, 503)},
    summary="Who set the posture, and when",
)
def posture_history(used: Used, partner: Asking) -> Response:
    """For stewards and partners with the role posture: each change, from what to what, when and by whom."""
    try:
        return _answer(used.posture.history(partner))
    except NotEntitledError:
        raise _not_for_you("Only stewards and partners with the role posture see who set it.") from None


def _not_for_you(detail: str) -> ProblemError:
    return ProblemError(403, "not-entitled", "Not for you", detail)
