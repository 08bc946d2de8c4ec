"""Who asks, and what of the hub an endpoint may use."""

from typing import Annotated, NamedTuple

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from ingest.pipeline import Ingest
from schemas.records import DataMode
from ssa_hub.api.problems import unauthenticated
from ssa_hub.release.partner import Partner
from ssa_hub.services.health import Health
from ssa_hub.services.own_agreement import OwnAgreements
from ssa_hub.sharing.deletion_views import DeletionViews
from ssa_hub.sharing.disclosures import Disclosures
from ssa_hub.sharing.explaining import Explainer
from ssa_hub.sharing.export_desk import ExportDesk
from ssa_hub.sharing.exporting import Exporting
from ssa_hub.sharing.keys import KeyRing
from ssa_hub.sharing.ledger_views import LedgerViews
from ssa_hub.sharing.message_views import MessageViews
from ssa_hub.sharing.notices import Notices
from ssa_hub.sharing.places import Places
from ssa_hub.sharing.posture import PostureDesk
from ssa_hub.sharing.rehearsing import Rehearser
from ssa_hub.sharing.screening_state import ScreeningState
from ssa_hub.sharing.stream import Stream
from ssa_hub.sharing.tear_line_budget import TearLineBudgets
from ssa_hub.sharing.views import Views
from ssa_hub.sharing.what_if import WhatIf
from ssa_hub.sharing.withdrawal_views import WithdrawalViews
from ssa_hub.sharing.withdrawing import Withdrawing


class Services(NamedTuple):
    """What the API stands on. ``ingest`` takes pushes in; ``views`` answers; ``keys`` knows the partners."""

    views: Views
    messages: MessageViews
    stream: Stream
    explainer: Explainer
    ingest: Ingest
    keys: KeyRing
    what_if: WhatIf
    screening: ScreeningState
    disclosures: Disclosures
    ledger: LedgerViews
    notices: Notices
    tear_lines: TearLineBudgets
    withdrawing: Withdrawing
    withdrawals: WithdrawalViews
    posture: PostureDesk
    rehearser: Rehearser
    own_agreements: OwnAgreements
    deletions: DeletionViews
    health: Health
    exports: Exporting
    export_places: Places
    export_jobs: ExportDesk
    data_mode: DataMode


_bearer = HTTPBearer(auto_error=False, scheme_name="bearer", description="API key as a bearer token")
_header = APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="api-key", description="API key")


def services(request: Request) -> Services:
    """The services of the application that serves this request."""
    found = request.app.state.services
    assert isinstance(found, Services)  # noqa: S101 (create_app puts it there)
    return found


def token_of(
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    header: Annotated[str | None, Security(_header)],
) -> str | None:
    """The key that came with the request, in whichever header."""
    return bearer.credentials if bearer is not None else header


Token = Annotated[str | None, Depends(token_of)]
Used = Annotated[Services, Depends(services)]


def authenticate(used: Used, token: Token) -> Partner:
    """The partner whose key came with the request. Raises a 401 problem, the same for every kind of bad key."""
    partner = used.keys.partner_of(token) if token else None
    if partner is None:
        raise unauthenticated("Send your key as 'Authorization: Bearer ssa_…' or 'X-API-Key: ssa_…'.")
    return partner


Asking = Annotated[Partner, Depends(authenticate)]
