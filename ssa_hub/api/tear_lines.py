"""``GET /v1/tear-lines/about-mine``: what has been said about objects that one withholds, and what budgets are left."""

from typing import Any

import msgspec
from fastapi import APIRouter, Response

from ssa_hub.api.access import Asking, Used
from ssa_hub.api.parameters import STRICT
from ssa_hub.api.problems import NOT_FOR_CACHES, documented
from ssa_hub.sharing.tear_line_budget import TearLineBudget

router = APIRouter(prefix="/v1", dependencies=STRICT)


class TearLinesAboutMine(msgspec.Struct, frozen=True):
    """By object, partner and data mode."""

    items: list[TearLineBudget]


def component_schemas() -> dict[str, Any]:
    """JSON Schemas of the answers of this module and of what they are made of."""
    return msgspec.json.schema_components([TearLinesAboutMine], ref_template="#/components/schemas/{name}")[1]


@router.get(
    "/tear-lines/about-mine",
    response_class=Response,
    responses={
        200: {
            "description": "Statements and budgets",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/TearLinesAboutMine"}}},
        },
        **documented(401, 422, 503),
    },
    summary="What was said about objects that you withhold",
)
def about_mine(used: Used, partner: Asking) -> Response:
    """To which operators the hub has made statements about your objects, how many, and what is left of each budget.

    Statements over a budget were not told. What you were told yourself is under `/v1/notices`.
    """
    answer = TearLinesAboutMine(used.tear_lines.about(partner.name))
    return Response(msgspec.json.encode(answer), headers=NOT_FOR_CACHES, media_type="application/json")
