"""``GET /metrics`` (Prometheus text), for stewards; ``GET /v1/health/live``. Neither is part of the partners' API.

How much the hub holds, from how many sources, and how busy it is, no partner may know: a count of files tells of data
that are withheld from him. So a steward's key is needed, whoever asks and from wherever: that a request comes from
this machine says nothing where a proxy stands before the hub. For Prometheus without a key there is
``--metrics-port``, an address of its own, on the loopback interface unless it is told otherwise.
"""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from ssa_hub.api.access import Asking
from ssa_hub.api.problems import NOT_FOR_CACHES, ProblemError
from ssa_hub.measures import REGISTRY
from ssa_hub.release.partner import Role

router = APIRouter(include_in_schema=False)


@router.get("/metrics", response_class=Response)
def metrics(partner: Asking) -> Response:
    """The metrics of this process: what is in memory, nothing is looked up. 401 without a key, 403 for partners."""
    if Role.STEWARD not in partner.roles:
        raise ProblemError(403, "not-a-steward", "For stewards of this hub only")
    return Response(generate_latest(REGISTRY), headers={**NOT_FOR_CACHES, "Content-Type": CONTENT_TYPE_LATEST})


@router.get("/v1/health/live", response_class=Response)
async def live() -> Response:
    """Liveness: the process answers. Asks nothing else, so a database that is away restarts no hub."""
    return Response(b'{"status":"ok"}', headers=NOT_FOR_CACHES, media_type="application/json")
