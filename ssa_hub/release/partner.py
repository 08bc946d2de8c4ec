"""Partners: who they are, what they are cleared for, the posture of the hub, and the keys that partners show.

A clearance follows ADatP-4774's confidentiality clearance: policy, list of classifications, categories.
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import msgspec

from schemas.labels import Category, CategoryType
from ssa_hub.release.documents import Document, Key, choice, listing, text
from ssa_hub.release.errors import PartnersError
from ssa_hub.release.toml_lines import Path


class Posture(StrEnum):
    """The state that the alliance is in; agreements may say different things for each."""

    PEACETIME = "peacetime"
    CRISIS = "crisis"
    CONFLICT = "conflict"


class Role(StrEnum):
    """What a partner may do besides seeing what is released to him; no role shows him a record.

    A steward may explain any record and see quarantine. POSTURE: may set the hub's posture.
    """

    STEWARD = "steward"
    POSTURE = "posture"


class Clearance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a partner is cleared for under one policy. Values are compared exactly, letter for letter."""

    policy: str
    classifications: tuple[str, ...]
    categories: tuple[Category, ...] = ()


class Partner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An organisation with an account. Its name is also its name as an originator.

    ``purposes``: what it takes data for, as agreements name it. ``operates``: hub ids of the objects that it operates.

    Raises ValueError for two clearances under the same policy: which of them holds would depend on their order.
    """

    name: str
    groups: frozenset[str] = frozenset()
    clearances: tuple[Clearance, ...] = ()
    roles: frozenset[Role] = frozenset()
    purposes: frozenset[str] = frozenset()
    operates: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        policies = [clearance.policy for clearance in self.clearances]
        if len(set(policies)) < len(policies):
            raise ValueError(f"partner {self.name!r} has two clearances under one policy")


_ROLES = ", ".join(Role)
PARTNER_KEYS = (
    Key("name", text, "the partner's name, one line of text; unique", required=True),
    Key("groups", listing(text), "a list of names of groups"),
    Key("roles", listing(choice(Role)), f"a list of: {_ROLES}"),
    Key("purposes", listing(text), "a list of the purposes that the partner takes data for, as agreements name them"),
    Key("operates", listing(text), "a list of hub ids of the objects that the partner operates, such as cat-25544"),
)
CLEARANCE_KEYS = (
    Key("policy", text, "a security policy's name, as labels write it", required=True),
    Key("classifications", listing(text), "a list of classifications, as labels write them", required=True),
)
CATEGORY_KEYS = (
    Key("tag_name", text, "a category's tag name, as labels write it", required=True),
    Key("type", choice(CategoryType), "RESTRICTIVE or PERMISSIVE (INFORMATIVE decides nothing)", required=True),
    Key("values", listing(text), "a list of the values that the partner holds", required=True),
)


def read_partners(text_: str, file: str) -> list[Partner]:
    """Read the file of partners (``[[partner]]`` tables). Raises PartnersError with every mistake and its line."""
    document = Document(text_, file, PartnersError)
    document.read(document.content, (), "", (), nested=("partner",))
    partners: list[Partner] = []
    names: set[str] = set()
    for path, raw in document.tables(document.content, ("partner",), ""):
        where = f"partner {raw['name']!r}" if isinstance(raw.get("name"), str) else f"partner {path[-1]}"
        values = document.read(raw, path, where, PARTNER_KEYS, nested=("clearances",))
        clearances = _read_clearances(document, raw, path, where)
        if values is None or clearances is None:
            continue
        name = values["name"]
        if name in names:
            document.mistake((*path, "name"), where, "name", name, "stands in this file twice")
        names.add(name)
        sets = {key: frozenset(values.get(key, ())) for key in ("groups", "roles", "purposes", "operates")}
        partners.append(Partner(name, clearances=clearances, **sets))
    document.finish()
    return partners


def _read_clearances(
    document: Document, partner: dict[str, Any], path: Path, where: str
) -> tuple[Clearance, ...] | None:
    clearances: list[Clearance] = []
    right = True
    for clearance_path, raw in document.tables(partner, (*path, "clearances"), where):
        values = document.read(raw, clearance_path, where, CLEARANCE_KEYS, nested=("categories",))
        categories = _read_categories(document, raw, clearance_path, where)
        if values is None or categories is None:
            right = False
            continue
        if any(values["policy"] == clearance.policy for clearance in clearances):
            document.mistake(clearance_path, where, "policy", values["policy"], "has a clearance already; write one")
            right = False
        clearances.append(Clearance(values["policy"], values["classifications"], categories))
    return tuple(clearances) if right else None


def _read_categories(
    document: Document, clearance: dict[str, Any], path: Path, where: str
) -> tuple[Category, ...] | None:
    categories: list[Category] = []
    right = True
    for category_path, raw in document.tables(clearance, (*path, "categories"), where):
        values = document.read(raw, category_path, where, CATEGORY_KEYS)
        if values is None:
            right = False
        elif values["type"] is CategoryType.INFORMATIVE:
            document.mistake(category_path, where, "type", values["type"].value, CATEGORY_KEYS[1].allowed)
            right = False
        else:
            categories.append(Category(values["tag_name"], values["type"], values["values"]))
    return tuple(sorted(categories)) if right else None


class KeyRecord(msgspec.Struct, frozen=True):
    """What the hub keeps of a key: never the key itself, only the SHA-256 of the whole token (hexadecimal)."""

    key_id: str
    partner: str
    token_sha256: str


_TOKEN = re.compile(r"ssa_(?P<key_id>[0-9a-f]{16})_[A-Za-z0-9_-]{43}", re.ASCII)
_NO_KEY_SHA256 = "0" * 64


def new_key(partner: str) -> tuple[str, KeyRecord]:
    """A new key for the partner of that name: (the token, to be shown once; what is kept of it).

    The token is ``ssa_<key id>_<256 random bits, URL-safe base64>``. Its entropy is why a plain SHA-256 suffices.
    """
    key_id = secrets.token_hex(8)
    random = base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode("ascii")
    token = f"ssa_{key_id}_{random}"
    return token, KeyRecord(key_id, partner, _token_sha256(token))


def verify(token: str, lookup: Callable[[str], KeyRecord | None]) -> KeyRecord | None:
    """The record of the key that ``token`` is, or None. ``lookup`` finds a record by key id.

    A token without form, an unknown key and a wrong secret give the same answer after the same comparison. Never
    raises for any text; what ``lookup`` raises goes through.
    """
    match = _TOKEN.fullmatch(token)
    record = lookup(match["key_id"]) if match else None
    expected = record.token_sha256 if record else _NO_KEY_SHA256
    return record if hmac.compare_digest(_token_sha256(token), expected) else None


def _token_sha256(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
