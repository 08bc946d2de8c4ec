"""The label in a push's header, and the sidecar of a page."""

import io
import json
import zipfile
from base64 import b64encode

import pytest

from schemas.label_binding import check_binding, read_binding
from schemas.label_writing import write_label_xml
from schemas.labels import Category, CategoryType, Label, Succession
from schemas.timescales import parse_utc
from ssa_hub.api.formats import Format
from ssa_hub.api.problems import ProblemError
from ssa_hub.api.sent_labels import component_schemas, read_label
from ssa_hub.api.sidecar import archived

NOW = parse_utc("2026-05-01T00:00:00")


def test_a_header_of_json_may_have_all_parts_of_a_label() -> None:
    sent = {
        "policy": "P",
        "classification": "SECRET",
        "categories": [{"tag_name": "T", "type": "PERMISSIVE", "values": ["B", "A", "A"], "uri": "urn:oid:1.2"}],
        "creation_utc": "2026-01-01T00:00:00",
        "review_utc": "2027-01-01T00:00:00Z",
        "succession": {"at_utc": "2026-06-01T00:00:00", "label": {"policy": "P", "classification": "OPEN"}},
        "alternatives": [{"policy": "Q", "classification": "C"}],
    }
    assert read_label(json.dumps(sent)) == Label(
        "P",
        "SECRET",
        (Category("T", CategoryType.PERMISSIVE, ("A", "B"), "urn:oid:1.2"),),
        creation_utc="2026-01-01T00:00:00Z",
        review_utc="2027-01-01T00:00:00Z",
        succession=Succession("2026-06-01T00:00:00Z", Label("P", "OPEN")),
        alternatives=(Label("Q", "C"),),
    )


def test_a_header_may_be_xml_in_base64() -> None:
    label = Label("P", "C", creation_utc="2026-01-01T00:00:00Z", review_utc="2027-01-01T00:00:00Z")
    assert read_label(f"XML:{b64encode(write_label_xml(label)).decode()}") == label


def test_a_header_may_be_tlp_or_a_portion_mark() -> None:
    amber = Category("Recipient Organisations and Clients", CategoryType.PERMISSIVE, ("AQUILA", "BOREAL"))
    assert read_label("TLP:AMBER to AQUILA, BOREAL") == Label("TLP", "AMBER", (amber,))
    released = Category("Releasable To", CategoryType.PERMISSIVE, ("FVEY", "USA"))
    assert read_label("CAPCO:U//REL TO USA, FVEY") == Label("US", "UNCLASSIFIED", (released,))


@pytest.mark.parametrize(
    "header",
    [
        *(
            "",
            "x",
            "[]",
            "{}",
            "TLP:WHITE",
            "TLP:AMBER",
            "CAPCO:S//NF/REL TO USA, GBR",
            "XML:%%%",
            "XML:PHg+",
            "\udcff",
        ),
        '{"policy":"P","classification":"C","review_utc":"tomorrow"}',
        '{"policy":"P","classification":"C","alternatives":[{"policy":"P","classification":"D"}]}',
        '{"a":' * 5_000,
    ],
    ids=lambda header: ascii(header[:20]),
)
def test_any_other_header_is_a_problem_422(header: str) -> None:
    with pytest.raises(ProblemError) as refused:
        read_label(header)
    assert refused.value.problem.status == 422


def test_the_parts_of_a_sent_label_are_described() -> None:
    assert {"SentLabel", "SentCategory", "SentSuccession"} <= component_schemas().keys()


def test_a_page_goes_out_with_the_label_that_dominates_its_rows() -> None:
    wide = Category("Releasable To", CategoryType.PERMISSIVE, ("A", "B"))
    narrow = Category("Releasable To", CategoryType.PERMISSIVE, ("B", "C"))
    rows = [Label("P", "C", (wide,), review_utc="2026-09-01T00:00:00Z"), Label("P", "C", (narrow,))]
    made = archived(b"1 00005U\n", "elements", Format.TLE, rows, {}, NOW)
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        data, sidecar = archive.read("elements.tle"), archive.read("elements.tle.bdo")
    binding = read_binding(sidecar)
    assert check_binding(binding, "elements.tle", data) == []
    assert data == b"1 00005U\n"
    assert binding.label == Label(
        "P",
        "C",
        (Category("Releasable To", CategoryType.PERMISSIVE, ("B",)),),
        creation_utc="2026-05-01T00:00:00Z",
        review_utc="2026-09-01T00:00:00Z",
    )


def test_labels_of_rows_count_as_they_stand_at_the_time_of_the_answer() -> None:
    label = Label("P", "SECRET", succession=Succession("2026-04-01T00:00:00Z", Label("P", "OPEN")))
    made = archived(b"", "elements", Format.CSV, [label], {}, NOW)
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        bound = read_binding(archive.read("elements.csv.bdo")).label
    assert (bound.classification, bound.review_utc) == ("OPEN", "2027-05-01T00:00:00Z")


@pytest.mark.parametrize(
    "rows", [[], [Label("", "")], [Label("P", "A"), Label("P", "B")], [Label("P", "A"), Label("Q", "A")]]
)
def test_a_page_without_a_common_label_is_a_problem_406(rows: list[Label]) -> None:
    with pytest.raises(ProblemError) as refused:
        archived(b"", "elements", Format.CSV, rows, {}, NOW)
    assert refused.value.problem.status == 406
