"""ADatP-4778 sidecars and archives."""

import hashlib
import io
import zipfile

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from schemas.label_archive import labelled_archive
from schemas.label_binding import DIGEST_NAMESPACE, NAMESPACE, bind, check_binding, read_binding
from schemas.label_error import LabelError, NoLabelMappingError
from schemas.labels import Label
from tests.schemas.labels.label_strategies import labels, shared_schema

DATED = {"creation_utc": "2026-01-01T00:00:00Z", "review_utc": "2030-01-01T00:00:00Z"}
LABEL = Label("P", "C", alternatives=(Label("A", "X", **DATED), Label("Q", "D", **DATED)), **DATED)
SIDECAR = bind(LABEL, "orbits 1.tle", b"data").decode()


@settings(max_examples=60)
@given(labels(policy="P"), labels(policy="Q"), st.binary(max_size=50))
def test_a_sidecar_reads_back_as_what_was_bound(label: Label, alternative: Label, data: bytes) -> None:
    label = msgspec.structs.replace(label, alternatives=(alternative,))
    binding = read_binding(bind(label, "orbits Ä&.tle", data))
    assert binding.label == label.canonical()
    assert binding.file_name == "orbits Ä&.tle"
    assert binding.sha384 == hashlib.sha384(data).hexdigest()
    assert check_binding(binding, "orbits Ä&.tle", data) == []


def test_a_sidecar_is_valid_against_both_schemas() -> None:
    document = etree.fromstring(SIDECAR.encode())
    shared_schema("nl-mb.xsd").assertValid(document)
    label_schema = shared_schema("nl-cl.xsd")
    inside = [metadata[0] for metadata in document.iter(f"{{{NAMESPACE}}}Metadata")]
    assert [etree.QName(element).localname for element in inside] == [
        *("originatorConfidentialityLabel", "alternativeConfidentialityLabel", "alternativeConfidentialityLabel")
    ]
    for element in inside:
        label_schema.assertValid(etree.fromstring(etree.tostring(element)))


def test_each_disagreement_with_the_file_is_told() -> None:
    binding = read_binding(SIDECAR.encode())
    problems = check_binding(binding, "other.tle", b"datb")
    assert len(problems) == 2
    assert "other.tle" in problems[0]
    assert hashlib.sha384(b"datb").hexdigest() in problems[1]


@pytest.mark.parametrize(
    ("old", "new", "element"),
    [
        (NAMESPACE, "urn:other", "BindingInformation"),
        ("sha384", "sha1", "DataReference/@Algorithm"),
        ('digest:Value="', 'digest:Value="zz', "DataReference/@Value"),
        ("orbits%201.tle", "..%2Forbits.tle", "DataReference/@URI"),
        ("orbits%201.tle", "%FF", "DataReference/@URI"),
        (' digest:Algorithm="', ' digest:Method="', "DataReference/@Algorithm"),
        ("<mb:MetadataBinding>", "<mb:MetadataBinding>stray", "MetadataBinding"),
        ("originatorConfidentialityLabel", "alternativeConfidentialityLabel", "MetadataBinding"),
        ("alternativeConfidentialityLabel", "originatorConfidentialityLabel", "MetadataBinding"),
        ("<PolicyIdentifier>Q<", "<PolicyIdentifier>A<", "MetadataBinding"),
        ("<Classification>D<", "<Classification><", "Classification"),
        (
            "<mb:MetadataBindingContainer>",
            '<d:Signature xmlns:d="http://www.w3.org/2000/09/xmldsig#"/><mb:MetadataBindingContainer>',
            "BindingInformation",
        ),
    ],
)
def test_a_broken_sidecar_is_refused_by_its_element(old: str, new: str, element: str) -> None:
    broken = SIDECAR.replace(old, new)
    assert broken != SIDECAR
    with pytest.raises(LabelError) as refused:
        read_binding(broken.encode(), "x.bdo")
    assert refused.value.element == element
    assert refused.value.line > 0


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\\b", "a\n", "\udcff"])
def test_a_file_name_with_a_path_or_unprintable_is_refused(name: str) -> None:
    with pytest.raises(NoLabelMappingError):
        bind(LABEL, name, b"")


def test_a_label_that_xml_cannot_say_is_not_bound() -> None:
    with pytest.raises(NoLabelMappingError, match="creation_utc"):
        bind(Label("P", "C", review_utc="2030-01-01T00:00:00Z"), "a", b"")


def test_an_archive_has_the_file_and_a_sidecar_that_agrees() -> None:
    made = labelled_archive("orbits.csv", b"a,b\n", LABEL)
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        assert archive.namelist() == ["orbits.csv", "orbits.csv.bdo"]
        assert archive.testzip() is None
        data, sidecar = archive.read("orbits.csv"), archive.read("orbits.csv.bdo")
    binding = read_binding(sidecar)
    assert data == b"a,b\n"
    assert binding.label == LABEL.canonical()
    assert check_binding(binding, "orbits.csv", data) == []
    assert DIGEST_NAMESPACE.encode() in sidecar
    assert labelled_archive("orbits.csv", b"a,b\n", LABEL) == made
