"""The application: routes, errors, the OpenAPI document, a page that says where to go on."""

from html import escape
from typing import Any

import msgspec
from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse

from ingest.pipeline import Receipt
from ssa_hub.api import agreements as own_agreements
from ssa_hub.api import (
    deletions,
    explaining,
    exports,
    history,
    ledger,
    listings,
    messages,
    metrics,
    notices,
    posture,
    problems,
    pushes,
    rehearsals,
    screening,
    sent_labels,
    streaming,
    tear_lines,
    what_if,
    withdrawals,
)
from ssa_hub.api.access import Services
from ssa_hub.api.requests import Requests

VERSION = "0.1.0"

_DESCRIPTION = """Sharing of space situational awareness data: element sets, their history, close approaches.

Every answer holds what the originators' agreements release to the partner who asks, and nothing else: counts, pages
and errors included. `SSA-Policy-Version` names the rules that an answer was made under; `/v1/explain` gives reasons.
Results of SGP4 screening are screening, never advice to manoeuvre."""

_WELCOME = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>SSA Hub</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}
code,pre{background:#8881;padding:.1em .3em;border-radius:4px}pre{padding:.8em;overflow:auto}</style></head><body>
<h1>SSA Hub</h1><p>This is the sharing API of a space situational awareness hub. Send your key with each request:</p>
<pre>curl -H "Authorization: Bearer ssa_…" "BASE/v1/elements?limit=5"</pre>
<ul><li><code>GET /v1/elements</code> newest element set of each object</li>
<li><code>GET /v1/elements/history</code> by object, epoch range, <code>known_at</code></li>
<li><code>GET /v1/elements/changes</code> between two instants,
<code>GET /v1/elements/side-by-side</code> by source</li>
<li><code>GET /v1/objects</code>, <code>GET /v1/conjunctions</code></li>
<li><code>GET /v1/stream</code> server-sent events, resumable</li>
<li><code>GET /v1/explain</code> why a partner sees a record or does not</li>
<li><code>GET /v1/conjunction-messages</code>, <code>GET /v1/ephemerides</code> as their originators sent them</li>
<li><code>POST /v1/elements</code> push TLE or OMM; <code>POST /v1/messages</code> CDM, OEM, OCM too</li>
<li><code>POST /v1/what-if</code> conjunctions of a planned manoeuvre; nothing is kept</li></ul>
<p>Forms: <code>format=json|ndjson|csv|arrow|parquet|omm-kvn|omm-xml|omm-json|omm-csv|tle|3le</code> or
<code>Accept</code>. The whole description: <a href="/openapi.json">/openapi.json</a>. Health:
<a href="/v1/health">/v1/health</a>.</p></body></html>"""


def create_app(services: Services) -> FastAPI:
    """The application over the given services."""
    # The interactive pages of FastAPI load scripts from elsewhere; a hub may have no network.
    app = FastAPI(
        title="SSA Hub", version=VERSION, description=_DESCRIPTION, docs_url=None, redoc_url=None,
        redirect_slashes=False,
    )  # fmt: skip
    app.state.services = services
    for module in (listings, history, pushes, what_if, streaming, explaining, ledger, screening, notices, withdrawals):
        app.include_router(module.router)
    for module in (posture, own_agreements, rehearsals, tear_lines, deletions):
        app.include_router(module.router)
    app.include_router(messages.router)
    app.include_router(metrics.router)
    app.include_router(exports.router)
    problems.install(app)
    app.add_middleware(Requests)

    @app.get("/", include_in_schema=False)
    def welcome(request: Request) -> HTMLResponse:
        return HTMLResponse(_WELCOME.replace("BASE", escape(str(request.base_url).rstrip("/"))))

    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    """FastAPI's document with our own schemas of answers, which FastAPI does not see as we encode them ourselves."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        for item in document["paths"].values():
            for operation in item.values():
                for parameter in operation.get("parameters", ()):
                    if "schema" in parameter:
                        parameter["schema"] = _without_null(parameter["schema"])
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.pop("HTTPValidationError", None)
        schemas.pop("ValidationError", None)
        template = "#/components/schemas/{name}"
        schemas.update(msgspec.json.schema_components([problems.Problem, Receipt], ref_template=template)[1])
        for module in (explaining, history, ledger, listings, notices, screening, sent_labels, what_if, withdrawals):
            schemas.update(module.component_schemas())
        for module in (posture, own_agreements, rehearsals, tear_lines, messages, exports, deletions):
            schemas.update(module.component_schemas())
        app.openapi_schema = document
    return app.openapi_schema


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of an optional parameter: it may be left out, but no text in a query or a header is null."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) != 1:
        return schema
    return {**{key: value for key, value in schema.items() if key != "anyOf"}, **choices[0]}
