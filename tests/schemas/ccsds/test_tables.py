"""The tables against the CCSDS XML schemas and the ordered keyword lists of the books, and against themselves."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from lxml import etree

from schemas.ccsds.table import KINDS, BlockKind, Keyword, ValueType, message_kind
from tests.schemas.generated_elements import DATA, data_file

_XSD = "{http://www.w3.org/2001/XMLSchema}"
_TYPES = {
    ("OMM", "header"): "odmHeader",
    ("OMM", "metadata"): "ommMetadata",
    ("OMM", "meanElements"): "meanElementsType",
    ("OMM", "spacecraftParameters"): "spacecraftParametersType",
    ("OMM", "tleParameters"): "tleParametersType",
    ("OMM", "covarianceMatrix"): "opmCovarianceMatrixType",
    ("OEM", "header"): "odmHeader",
    ("OEM", "metadata"): "oemMetadata",
    ("OEM", "stateVector"): "stateVectorAccType",
    ("OEM", "covarianceMatrix"): "oemCovarianceMatrixType",
    ("CDM", "header"): "cdmHeader",
    ("CDM", "relativeMetadataData"): "relativeMetadataData",
    ("CDM", "metadata"): "cdmMetadata",
    ("CDM", "odParameters"): "odParametersType",
    ("CDM", "additionalParameters"): "additionalParametersType",
    ("CDM", "stateVector"): "cdmStateVectorType",
    ("CDM", "covarianceMatrix"): "cdmCovarianceMatrixType",
    ("OCM", "header"): "odmHeader",
    ("OCM", "metadata"): "ocmMetadata",
    ("OCM", "traj"): "ocmTrajStateType",
    ("OCM", "phys"): "ocmPhysicalDescriptionType",
    ("OCM", "cov"): "ocmCovarianceMatrixType",
    ("OCM", "man"): "ocmManeuverParametersType",
    ("OCM", "pert"): "ocmPerturbationsType",
    ("OCM", "od"): "ocmOdParametersType",
}
# Mandatory by the schema, conditional by the books: only the whole message tells.
_CONDITIONAL = {"BSTAR", "BTERM", "MEAN_MOTION_DOT", "MEAN_MOTION_DDOT", "AGOM"}
_BLOCKS_OF_KEYWORDS = {"segment.metadata (x2)": "metadata", "covarianceMatrix (RTN)": "covarianceMatrix"}


class _Element(NamedTuple):
    name: str
    type: str
    mandatory: bool
    group: str


class _Facets(NamedTuple):
    """What the schema says of a value: numbers by lxml's own texts of the facets."""

    base: str
    values: frozenset[str]
    bounds: dict[str, float]
    units: tuple[str, ...]
    units_required: bool


class _Schemas:
    """The named types of the five schema files that concern us."""

    def __init__(self, folder: Path) -> None:
        self.types: dict[str, Any] = {}
        for name in ("common-4.0", "omm-3.0", "oem-3.0", "cdm-1.0", "ocm-3.0"):
            for element in etree.parse(str(folder / f"ndmxml-4.0.0-{name}.xsd")).getroot().iterchildren("{*}*"):
                if element.get("name"):
                    self.types[element.get("name")] = element

    def elements(self, type_name: str, group: str = "") -> Iterator[_Element]:
        yield from self._inside(self.types[type_name], group)

    def _inside(self, node: Any, group: str) -> Iterator[_Element]:
        for child in node.iterchildren("{*}*"):
            kind = child.tag.removeprefix(_XSD)
            if kind == "extension":
                yield from self.elements(child.get("base").removeprefix("ndm:"), group)
            if kind == "group":
                yield from self.elements(child.get("ref").removeprefix("ndm:"), group)
            elif kind != "element":
                yield from self._inside(child, group)
            elif child.get("name") == "relativeStateVector":
                yield from self.elements(child.get("type").removeprefix("ndm:"), "relativeStateVector")
            elif child.get("name") != "COMMENT" and not child.get("name")[0].islower():
                mandatory = child.get("minOccurs") != "0" and not group
                yield _Element(child.get("name"), child.get("type"), mandatory, group)

    def facets(self, type_name: str) -> _Facets:
        if type_name.startswith("xsd:"):
            base = type_name.removeprefix("xsd:")
            low = {"positiveInteger": 1.0, "nonNegativeInteger": 0.0}.get(base)
            return _Facets(base, frozenset(), {} if low is None else {"minInclusive": low}, (), False)
        node = self.types[type_name.removeprefix("ndm:")]
        extension = node.find(f".//{_XSD}extension")
        if extension is not None:
            inner = self.facets(extension.get("base"))
            attribute = extension.find(f"{_XSD}attribute")
            units = self.facets(attribute.get("type"))
            texts = [e.get("value") for e in self.types[attribute.get("type")[4:]].iter(f"{_XSD}enumeration")]
            assert units.values == frozenset(texts)
            return inner._replace(units=tuple(texts), units_required=attribute.get("use") == "required")
        restriction = node.find(f".//{_XSD}restriction")
        if restriction is None:
            return _Facets("list", frozenset(), {}, (), False)
        inner = self.facets(restriction.get("base"))
        values = frozenset(e.get("value") for e in restriction.iter(f"{_XSD}enumeration"))
        bounds = dict(inner.bounds)
        for facet in restriction.iterchildren("{*}*"):
            name = facet.tag.removeprefix(_XSD)
            if name.startswith(("min", "max")):
                bounds = {old: value for old, value in bounds.items() if old[:3] != name[:3]}
                bounds[name] = float(facet.get("value"))
        return inner._replace(values=values or inner.values, bounds=bounds)


@pytest.fixture(scope="module")
def xsd() -> _Schemas:
    return _Schemas(data_file("ccsds-xsd/ccsds-ndm"))


def _stated(block: BlockKind) -> list[Keyword]:
    return [keyword for keyword in block.keywords if not keyword.draft]


def _all_keywords() -> Iterator[tuple[str, BlockKind, Keyword]]:
    for name in KINDS:
        for block in message_kind(name).blocks:
            for keyword in block.keywords:
                yield name, block, keyword


@pytest.mark.parametrize(("message", "block"), _TYPES)
def test_a_block_has_the_keywords_of_the_schema_in_its_order(xsd: _Schemas, message: str, block: str) -> None:
    elements = list(xsd.elements(_TYPES[message, block]))
    keywords = _stated(message_kind(message).by_name[block])
    assert [keyword.keyword for keyword in keywords] == [element.name for element in elements]
    assert [keyword.xml_group for keyword in keywords] == [element.group for element in elements]


@pytest.mark.parametrize(("message", "block"), _TYPES)
def test_a_keyword_is_mandatory_where_the_schema_says_so(xsd: _Schemas, message: str, block: str) -> None:
    table = message_kind(message).by_name[block]
    for element in xsd.elements(_TYPES[message, block]):
        keyword = table.by_name[element.name]
        demanded = keyword.status == "M" or keyword.xml_mandatory or keyword.all_or_none == "covariance"
        assert demanded == element.mandatory or keyword.keyword in _CONDITIONAL, keyword


@pytest.mark.parametrize(("message", "block"), _TYPES)
def test_types_bounds_units_and_choices_are_those_of_the_schema(xsd: _Schemas, message: str, block: str) -> None:
    table = message_kind(message).by_name[block]
    for element in xsd.elements(_TYPES[message, block]):
        keyword, facets = table.by_name[element.name], xsd.facets(element.type)
        if element.type == "ndm:epochType":
            assert keyword.type is ValueType.EPOCH, keyword
        elif facets.base in ("double", "list"):
            assert keyword.type is ValueType.NUMBER, keyword
        elif facets.base.lower().endswith("integer"):
            assert keyword.type is ValueType.INTEGER, keyword
        elif facets.values:
            assert keyword.type is ValueType.CHOICE, keyword
            assert set(keyword.choices) == {value.upper() for value in facets.values}
            assert not keyword.open_choices
        assert (keyword.units, *keyword.units_other) == (facets.units or ("",)), keyword
        assert keyword.xml_units_mandatory == facets.units_required, keyword
        _compare_bounds(keyword, facets.bounds)


def _compare_bounds(keyword: Keyword, bounds: dict[str, float]) -> None:
    """The table has the schema's bounds, and may have a bound of the book's where the schema has none."""
    for side, value, is_open in (("min", keyword.low, keyword.low_open), ("max", keyword.high, keyword.high_open)):
        if f"{side}Exclusive" in bounds:
            assert (value, is_open) == (bounds[f"{side}Exclusive"], True), keyword
        elif f"{side}Inclusive" in bounds:
            assert (value, is_open) == (bounds[f"{side}Inclusive"], False), keyword


def test_the_tables_are_those_of_the_books() -> None:
    source = DATA.parent / "reference/ccsds-keywords.json"
    if not source.exists():
        pytest.skip(f"{source} is not here")
    lists = json.loads(source.read_text())
    compared = 0
    for message in ("OMM", "OEM", "CDM"):
        for name, listed in lists[message].items():
            block = message_kind(message).by_name.get(_BLOCKS_OF_KEYWORDS.get(name, name))
            if block is None or not isinstance(listed, list) or block.user_defined:
                continue
            stated = {keyword.keyword: keyword for keyword in _stated(block)}
            rows = [row for row in listed if row["keyword"] not in ("COMMENT", "META_START", "META_STOP")]
            rows = [row for row in rows if row["keyword"] != message_kind(message).version_keyword]
            names = [part for row in rows for part in row["keyword"].split("|")]
            units = [part for row in rows for part in (row["units"] or "").split("|")]
            statuses = [row["status"] for row in rows for _ in row["keyword"].split("|")]
            assert names == list(stated)
            assert units == [keyword.units for keyword in stated.values()]
            assert statuses == [keyword.status for keyword in stated.values()]
            compared += len(names)
    assert compared > 170


@pytest.mark.parametrize("name", KINDS)
def test_a_keyword_stands_once_in_its_block_and_its_partners_know_it(name: str) -> None:
    for block in message_kind(name).blocks:
        names = [keyword.keyword for keyword in block.keywords]
        assert len(names) == len(set(names))
        for keyword in block.keywords:
            if keyword.exclusive_with:
                assert block.by_name[keyword.exclusive_with].exclusive_with == keyword.keyword


def test_each_entry_makes_sense() -> None:
    for name, _, keyword in _all_keywords():
        kind = message_kind(name)
        assert keyword.status in ("M", "O", "C")
        assert not (keyword.draft and keyword.status == "M")
        assert not keyword.since or keyword.since in kind.versions
        assert (keyword.type is ValueType.CHOICE) == bool(keyword.choices)
        assert not keyword.units or keyword.type is ValueType.NUMBER
        assert not (keyword.low_open and keyword.low is None)
        assert not (keyword.high_open and keyword.high is None)
        assert all(text == text.upper() for text in keyword.value_deviations)


def test_every_deviation_has_its_line_in_the_documentation() -> None:
    text = (Path(__file__).parents[3] / "docs/deviations.md").read_text()
    in_code = set()
    for module in ("judge", "judge_blocks", "judge_values"):
        source = (Path(__file__).parents[3] / f"schemas/ccsds/{module}.py").read_text()
        in_code |= set(re.findall(r'notice\("([^"]+)"\)', source))
    in_tables = set()
    for _, _, keyword in _all_keywords():
        in_tables |= {keyword.empty_deviation, keyword.high_deviation}
        in_tables |= {*keyword.value_deviations.values(), *keyword.units_deviations.values()}
    names = (in_code | in_tables) - {""}
    assert len(names) > 15
    for name in names:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
        assert f"| `{name}` |" in text, name
