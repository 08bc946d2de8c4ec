"""Labels that XML can carry, drawn at random; and the shared schemas."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import strategies as st
from lxml import etree

from schemas.labels import ORIGINATOR_ID_TYPES, Category, CategoryType, Label, Succession, instant_text
from schemas.timescales import NS_PER_SECOND, parse_utc

SCHEMAS = Path(__file__).parents[4] / "shared" / "data" / "labels" / "schema"
_START_S, _END_S = (parse_utc(utc) // NS_PER_SECOND for utc in ("1975-01-01T00:00:00", "2250-01-01T00:00:00"))

_CHARACTERS = st.characters(
    min_codepoint=0x20, exclude_categories=("Cs", "Co", "Cn"), exclude_characters="\ufffe\uffff"
)
_TEXTS = st.text(st.one_of(_CHARACTERS, st.sampled_from("\t\n\r<>&\"' ")), max_size=12)
_WORDS = st.text(_CHARACTERS.filter(lambda c: c != " "), min_size=1, max_size=8)
_TOKENS = st.lists(_WORDS, min_size=1, max_size=3).map(" ".join)
_URIS = st.none() | st.from_regex(r"\Aurn:oid:[0-9](\.[0-9]{1,5}){1,6}\Z")


def _utc(seconds: int, ns: int) -> str:
    return instant_text(seconds * NS_PER_SECOND + ns)


_INSTANTS = st.builds(_utc, st.integers(_START_S, _END_S), st.sampled_from([0, 500_000_000, 1])).filter(
    lambda text: text[17:19] != "60"
)
_CATEGORIES = st.builds(
    lambda tag, kind, values, uri: Category(tag, kind, tuple(sorted(values)), uri),
    _TEXTS,
    st.sampled_from(CategoryType),
    st.sets(_TEXTS, min_size=1, max_size=4),
    _URIS,
)


@st.composite
def labels(draw: Any, policy: str | None = None, successions: int = 3) -> Label:
    """A label with all that XML demands, without alternatives."""
    instants = sorted(draw(st.sets(_INSTANTS, max_size=successions)), key=parse_utc)
    named = policy or draw(_TOKENS)
    succession: Succession | None = None
    for at_utc in reversed(instants):
        succession = Succession(at_utc, _one(draw, named, succession))
    return msgspec.structs.replace(_one(draw, named, succession), review_utc=draw(_INSTANTS)).canonical()


def _one(draw: Any, policy: str, succession: Succession | None) -> Label:
    kind = draw(st.none() | st.sampled_from(ORIGINATOR_ID_TYPES))
    return Label(
        policy,
        draw(_TOKENS),
        tuple(draw(st.lists(_CATEGORIES, max_size=3))),
        policy_uri=draw(_URIS),
        privacy_mark=draw(st.none() | _TEXTS),
        originator_id=None if kind is None else draw(_TEXTS),
        originator_id_type=kind,
        creation_utc=draw(_INSTANTS),
        succession=succession,
    )


def shared_schema(name: str) -> Any:
    """The compiled NATO schema of this file name; skips where the shared data is absent.

    What the binding schema imports (XML signature, xmlmime) is not there: stand-ins with the names that it refers to.
    """
    path = SCHEMAS / name
    if not path.is_file():
        pytest.skip("…/shared/data is absent")
    parser = etree.XMLParser()
    parser.resolvers.add(_StandIns())
    return etree.XMLSchema(etree.parse(path, parser))


_DS = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"
 targetNamespace="http://www.w3.org/2000/09/xmldsig#"><xs:element name="Signature"/><xs:element name="Transforms"/>
</xs:schema>"""
_MIME = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="http://www.w3.org/2005/05/xmlmime">
<xs:attribute name="contentType" type="xs:string"/></xs:schema>"""


class _StandIns(etree.Resolver):
    def resolve(self, url: str, public_id: str, context: Any) -> Any:
        if url.endswith("xmldsig-core-schema.xsd"):
            return self.resolve_string(_DS, context)
        if url.endswith("xmlmime.xsd"):
            return self.resolve_string(_MIME, context)
        return None
