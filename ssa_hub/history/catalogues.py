"""The catalogues that a history can have: a database of the hub's own, or a server that speaks Iceberg's REST.

Import is heavy (it loads PyIceberg): `ssa_hub.history.opening` imports this module when a history is opened.
"""

import os
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.catalog.sql import IcebergTables, SqlCatalog
from pyiceberg.exceptions import NoSuchTableError
from sqlalchemy import select
from sqlalchemy.engine import make_url

from ssa_hub.history.locations import OBJECT_SCHEME, io_properties, is_served

CATALOGUE_NAME = "ssa_hub"
TOKEN_VARIABLE, CREDENTIAL_VARIABLE = "SSA_HUB_CATALOGUE_TOKEN", "SSA_HUB_CATALOGUE_CREDENTIAL"
_SQLITE_WAIT_S = 60
# Connecting, and waiting for each part of an answer: PyIceberg sets none, and a server that drops what it is sent
# would be waited for for ever. A commit that is slower has an unknown outcome, as one that is cut off.
_TIMEOUTS_S = (10.0, 60.0)
# What the URL may say besides where the server is; secrets come from the environment.
_URL_PROPERTIES = ("warehouse", "prefix", "scope", "oauth2-server-uri")


class DatabaseCatalogue(SqlCatalog):
    """PyIceberg's tables in SQLite or PostgreSQL."""

    def metadata_location(self, identifier: tuple[str, str]) -> str | None:
        """One small query. None where there is no such table."""
        namespace, name = identifier
        query = select(IcebergTables.metadata_location).where(
            IcebergTables.catalog_name == self.name,
            IcebergTables.table_namespace == namespace,
            IcebergTables.table_name == name,
        )
        with self.engine.connect() as connection:
            location = connection.execute(query).scalar()
        return None if location is None else str(location)

    def close(self) -> None:
        """Release the connections."""
        self.engine.dispose()


class ServedCatalogue(RestCatalog):
    """A catalogue behind Iceberg's REST protocol."""

    engine: None = None  # no database that the hub could take turns in

    def _create_session(self) -> Any:
        session = super()._create_session()
        session.request = partial(session.request, timeout=_TIMEOUTS_S)  # type: ignore[method-assign]
        return session

    def metadata_location(self, identifier: tuple[str, str]) -> str | None:
        """One request. None where there is no such table."""
        try:
            return str(self.load_table(identifier).metadata_location)
        except NoSuchTableError:
            return None


def open_catalogue(root: str, catalogue_uri: str) -> DatabaseCatalogue | ServedCatalogue:
    """The catalogue of the tables below ``root`` (``file://directory`` or ``s3://bucket/prefix``).

    A database: on SQLite in WAL mode, so that readers do not stop a commit, and waiting for locks. REST: as
    `served_catalogue`. Raises ValueError, and what the database's client raises.
    """
    if is_served(catalogue_uri):
        return served_catalogue(catalogue_uri)
    url = make_url(catalogue_uri)
    if url.get_backend_name() == "sqlite":
        url = url.update_query_dict({"timeout": str(_SQLITE_WAIT_S)})
    catalogue = DatabaseCatalogue(
        CATALOGUE_NAME,
        uri=url.render_as_string(hide_password=False),
        warehouse=root,
        **io_properties(root),
    )
    if url.get_backend_name() == "sqlite":
        with catalogue.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")  # kept in the file
    return catalogue


def served_catalogue(catalogue_uri: str) -> ServedCatalogue:
    """The catalogue behind ``rest+http://...`` or ``rest+https://...``, whose tables lie in the object store.

    Who the hub is there comes from SSA_HUB_CATALOGUE_TOKEN (a bearer token) or SSA_HUB_CATALOGUE_CREDENTIAL (OAuth2
    ``id:secret``). Raises ValueError, OSError, pyiceberg.exceptions.RESTError.
    """
    address, properties = _served_at(catalogue_uri)
    return ServedCatalogue(CATALOGUE_NAME, uri=address, **properties, **io_properties(f"{OBJECT_SCHEME}://"))


def _served_at(catalogue_uri: str) -> tuple[str, dict[str, str]]:
    """The server's address, and what the client is told besides."""
    url = urlsplit(catalogue_uri.removeprefix("rest+"))
    if not url.hostname or url.username is not None:
        raise ValueError(
            f"a REST catalogue is given as rest+https://host:port/path, and secrets in {TOKEN_VARIABLE} or "
            f"{CREDENTIAL_VARIABLE}"
        )
    properties = dict(parse_qsl(url.query))
    if unknown := properties.keys() - set(_URL_PROPERTIES):
        raise ValueError(f"the URL of a REST catalogue may say {', '.join(_URL_PROPERTIES)}, not {min(unknown)}")
    for name, variable in (("token", TOKEN_VARIABLE), ("credential", CREDENTIAL_VARIABLE)):
        if value := os.environ.get(variable):
            properties[name] = value
    return urlunsplit((url.scheme, url.netloc, url.path.rstrip("/"), "", "")), properties
