"""Reading SPIF documents, what is valid under them, equivalents; with documents of our own and NATO's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.labels import Category, CategoryType, Label
from schemas.spif import NoEquivalentError, SecurityPolicy, SpifError, UnknownClassificationError, read_spif
from tests.schemas.spif.documents import CLASSES, HEAD, TAG_SETS, spif
from tests.schemas.spif.spiffing import NATO_SPIF, PUBLIC_SPIF, need_data

P, R, I = CategoryType.PERMISSIVE, CategoryType.RESTRICTIVE, CategoryType.INFORMATIVE  # noqa: E741
SKY = read_spif(spif(), "sky.spif")


def label(classification: str, *categories: tuple[str, CategoryType, str], **more: str) -> Label:
    made = tuple(Category(name, type_, tuple(sorted(values.split("/")))) for name, type_, values in categories)
    return Label("SKY", classification, made, **more).canonical()  # type: ignore[arg-type]


NORTH = ("Shared With", P, "NORTH")


@pytest.mark.parametrize(
    ("labelled", "problem"),
    [
        (label("OPEN"), None),
        (label("SHUT"), "classification 'SHUT' is not in policy SKY"),
        (label("open"), "classification 'open' is not in policy SKY"),
        (label("SEALED", NORTH), None),
        (label("SEALED"), "classification 'SEALED' requires only one of Shared With (PERMISSIVE)"),
        (label("SEALED", ("Shared With", P, "NORTH/SOUTH")), "requires only one of"),
        (label("OPEN", ("Shared With", P, "EAST")), "'EAST' of 'Shared With' is not allowed with 'OPEN'"),
        (label("CLOSED", ("Shared With", P, "EAST")), None),
        (label("OPEN", ("Shared With", R, "NORTH")), "RESTRICTIVE category 'Shared With' is not in policy SKY"),
        (label("OPEN", ("Shared With", P, "WEST")), "'WEST' is no value of 'Shared With'"),
        (label("OPEN", ("Elsewhere", I, "X")), "category 'Elsewhere' is not in policy SKY"),
        (label("CLOSED", ("Programmes", R, "HARP")), None),
        (label("OPEN", ("Programmes", R, "HARP")), "'HARP' of 'Programmes' requires 'CLOSED'"),
        (label("OPEN", ("Programmes", R, "DRUM")), "'DRUM' of 'Programmes' requires all of Programmes 'LYRE'"),
        (label("OPEN", ("Programmes", R, "DRUM/LYRE")), None),
        (label("OPEN", ("Programmes", R, "GONG")), None),
        (label("OPEN", ("Programmes", R, "GONG/LYRE")), "'GONG' of 'Programmes' is not allowed with"),
        (label("CLOSED", ("Programmes", R, "DRUM/HARP/LYRE")), "'Programmes' may have at most 2 values, not 3"),
        # The name of a tag set reaches its tags, those of its own name as the others.
        (label("OPEN", ("Programmes", R, "LYRE/RED BOX")), None),
        (label("OPEN", ("Boxes", R, "BLUE BOX/RED BOX")), "'Boxes' may have at most 1 values, not 2"),
        (label("OPEN", ("Boxes", R, "BLUE BOX"), creation_utc="2025-12-31T23:59:59Z"), "was not valid when"),
        (label("OPEN", ("Boxes", R, "BLUE BOX"), creation_utc="2026-06-01T00:00:00Z"), None),
        (label("OPEN", ("Boxes", R, "BLUE BOX")), None),
        (label("OPEN", ("Until", I, "2026-02-28")), None),
        (label("OPEN", ("Until", I, "2026-02-30")), "'2026-02-30' is no value of 'Until'"),
        (label("OPEN", policy_uri="urn:oid:1.2.3"), None),
        (label("OPEN", policy_uri="urn:oid:1.2.4"), "the label's policy URI is 'urn:oid:1.2.4'"),
        (Label("SEA", "OPEN"), "the label's policy is 'SEA', not 'SKY'"),
        (Label("SKY", "OPEN", (Category("Shared With", P, ("NORTH",), "urn:oid:1.2.3.1"),)), None),
        (Label("SKY", "OPEN", (Category("Shared With", P, ("NORTH",), "urn:oid:1.2.3.2"),)), "is not in policy SKY"),
    ],
)
def test_a_label_is_valid_or_its_problem_is_named(labelled: Label, problem: str | None) -> None:
    problems = SKY.problems(labelled)
    assert (problem is None) == (problems == [])
    assert problem is None or any(problem in said for said in problems)


def test_what_is_obsolete_is_wrong_in_new_labels_only() -> None:
    old = label("LOCKED", ("Remarks", I, "OLD"))
    assert SKY.problems(old) == []
    assert SKY.problems(old, new=True) == ["classification 'LOCKED' is obsolete", "'OLD' of 'Remarks' is obsolete"]


def test_the_hierarchy_is_the_documents() -> None:
    assert [SKY.hierarchy(name) for name in ("OPEN", "CLOSED", "SEALED", "LOCKED")] == [1, 2, 3, 3]
    with pytest.raises(UnknownClassificationError, match="'SHUT'"):
        SKY.hierarchy("SHUT")


texts = st.text(max_size=8) | st.sampled_from(["OPEN", "SEALED", "Shared With", "NORTH", "Until", "2026-01-01"])
any_labels = st.builds(
    Label,
    st.just("SKY") | texts,
    texts,
    st.lists(
        st.builds(
            Category, texts, st.sampled_from(CategoryType), st.sets(texts, min_size=1).map(lambda s: tuple(sorted(s)))
        ),
        max_size=4,
    ).map(tuple),
)


@given(any_labels)
def test_any_label_is_judged_without_raising(labelled: Label) -> None:
    problems = SKY.problems(labelled)
    assert isinstance(SKY.demands(labelled), list) == bool(problems)


REFUSED = {
    "not well-formed": (b"<SPIF>", "well-formed"),
    "empty": (b"", "well-formed"),
    "another root": (b"<policy/>", "the root must be SPIF"),
    "no namespace": (spif().replace(b'xmlns="http://www.xmlspif.org/spif"', b""), "the root must be SPIF"),
    "a document type": (b'<!DOCTYPE SPIF [<!ENTITY a "b">]>' + spif(), "document type declaration is not allowed"),
    "another encoding": (b'<?xml version="1.0" encoding="ISO-8859-1"?>' + spif(), "UTF-8"),
    "schema 3.0": (spif(head=HEAD.replace('"2.1"', '"3.0"')), "SPIF@schemaVersion = '3.0': must be one of: 1.0, 2.0"),
    "no creation date": (spif(head=HEAD.replace("creationDate", "created")), "SPIF@created = "),
    "an OID that is none": (spif(oid="sky"), "securityPolicyId@id = 'sky': must be an object identifier"),
    "no classification": (spif(classes=""), "at least one securityClassification"),
    "a lacv twice": (spif(classes=CLASSES.replace('lacv="2"', 'lacv="01"')), "each lacv may stand here once"),
    "a name twice": (spif(classes=CLASSES.replace('"CLOSED"', '"OPEN"')), "each name may stand here once"),
    "a hierarchy in words": (spif(classes=CLASSES.replace('hierarchy="2"', 'hierarchy="top"')), "whole number"),
    "a misspelt attribute": (spif(sets=TAG_SETS.replace("maxSelection", "maxSelections")), "has no attribute"),
    "a misspelt element": (spif(sets=TAG_SETS.replace("excludedClass", "excludeClass")), "<excludeClass>"),
    "no such class": (spif(sets=TAG_SETS.replace(">OPEN<", ">OPENED<")), "Unknown classification"),
    "no such required class": (spif(sets=TAG_SETS.replace('"CLOSED"', '"SHUT"')), "Unknown classification"),
    "no such tag set": (spif(sets=TAG_SETS.replace('tagSetRef="Programmes"', 'tagSetRef="Plays"')), "must refer to"),
    "no such value": (
        spif(sets=TAG_SETS.replace('Type="restrictive" lacv="1"/>', 'Type="restrictive" lacv="7"/>')),
        "0",
    ),
    "both lacv and all": (spif(sets=TAG_SETS.replace('all="true"', 'all="true" lacv="1"')), "not both"),
    "enumerated without type": (spif(sets=TAG_SETS.replace('enumType="restrictive"', "")), "@enumType"),
    "a kind that labels lack": (spif(sets=TAG_SETS.replace('"tagType7"', '"notApplicable"')), "@tagType"),
    "a date form unknown": (spif(sets=TAG_SETS.replace("yyyy-MM-dd", "next full moon")), "@dateFormat"),
    "a time that is none": (spif(sets=TAG_SETS.replace("2026-01-01T00:00:00Z", "soon")), "xs:dateTime"),
    "min above max": (spif(sets=TAG_SETS.replace('maxSelection="2"', 'maxSelection="2" minSelection="3"')), "above"),
    "a marking code unknown": (
        spif(rest="<markingData><code>onTheWall</code></markingData>"),
        "code = 'onTheWall': must be one of",
    ),
    "a policy not declared": (
        spif(
            classes=CLASSES.replace(
                'hierarchy="1"/>',
                'hierarchy="1"><equivalentClassification policyRef="SEA" lacv="1" applied="both"/>'
                "</securityClassification>",
            )
        ),
        "must be the name of one of equivalentPolicies",
    ),
    "too deep": (b"<a>" * 40 + b"</a>" * 40, "levels of elements"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_document_that_cannot_be_used_is_refused_with_element_value_and_rule(case: str) -> None:
    data, said = REFUSED[case]
    with pytest.raises(SpifError) as caught:
        read_spif(data, "sky.spif")
    assert said in str(caught.value)
    assert str(caught.value).startswith("sky.spif: line ")


@given(st.data())
def test_a_document_that_is_damaged_is_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    document = bytearray(spif())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(document) - 1))
        document[place] = data.draw(st.integers(0, 255))
    try:
        policy = read_spif(bytes(document), "sky.spif")
    except SpifError:
        return
    assert isinstance(policy, SecurityPolicy)


SEA = read_spif(
    spif(
        name="SEA",
        oid="1.2.4",
        classes='<securityClassification name="LOW" lacv="7" hierarchy="0"/>'
        '<securityClassification name="HIGH" lacv="8" hierarchy="5"/>',
        sets='<securityCategoryTagSet name="Rel" id="1.2.4.1"><securityCategoryTag name="Rel" tagType="permissive">'
        '<tagCategory name="N" lacv="1"/><tagCategory name="S" lacv="2"/></securityCategoryTag>'
        "</securityCategoryTagSet>"
        '<securityCategoryTagSet name="From" id="1.2.4.2"><securityCategoryTag name="From" tagType="tagType7">'
        '<tagCategory name="SKY" lacv="1"/><tagCategory name="MOON" lacv="2"/></securityCategoryTag>'
        "</securityCategoryTagSet>",
    ),
    "sea.spif",
)


def mapping_to_sea(required: str = "all", remark: str = "", applied: str = "encrypt") -> SecurityPolicy:
    """SKY with equivalents in SEA: one classification, the values of one tag set, an added category."""
    classes = CLASSES.replace(
        'name="CLOSED" lacv="2" hierarchy="2"/>',
        'name="CLOSED" lacv="2" hierarchy="2">'
        f'<equivalentClassification policyRef="THE SEA" lacv="8" applied="{applied}"/>'
        "</securityClassification>",
    )
    sets = TAG_SETS.replace(
        "  </securityCategoryTagSet>",
        '<equivalentSecurityCategoryTagSet policyRef="THE SEA" id="1.2.4.1"/></securityCategoryTagSet>',
        1,
    )
    if remark:
        sets = sets.replace(
            '<tagCategory name="STAFF" lacv="1"/>',
            '<tagCategory name="STAFF" lacv="1"><equivalentSecCategoryTag policyRef="THE SEA" tagSetId="1.2.4.2"'
            f' tagType="tagType7" applied="both" {remark}/></tagCategory>',
        )
    group = '<categoryGroup tagSetRef="From" tagType="tagType7" lacv="1"/>'
    if required == "onlyOne":
        group += '<categoryGroup tagSetRef="From" tagType="tagType7" lacv="2"/>'
    rest = (
        '<equivalentPolicies><equivalentPolicy name="THE SEA" id="1.2.4">'
        f'<requiredCategory operation="{required}">{group}</requiredCategory>'
        "</equivalentPolicy></equivalentPolicies>"
    )
    return read_spif(spif(classes=classes, sets=sets, rest=rest), "sky-to-sea.spif")


def test_a_label_is_mapped_where_the_policy_says_how() -> None:
    mapped = mapping_to_sea().equivalent(label("CLOSED", ("Shared With", P, "NORTH/SOUTH")), SEA)
    assert mapped == Label("SEA", "HIGH", (Category("From", I, ("SKY",)), Category("Rel", P, ("N", "S")))).canonical()


@pytest.mark.parametrize(
    ("policy", "labelled", "applied", "said"),
    [
        (SKY, label("CLOSED"), "encrypt", "defines no equivalents in SEA"),
        (mapping_to_sea(), label("OPEN"), "encrypt", "no equivalent of 'OPEN' in SEA to encrypt"),
        (mapping_to_sea(), label("CLOSED"), "decrypt", "no equivalent of 'CLOSED' in SEA to decrypt"),
        (mapping_to_sea(), label("CLOSED", ("Shared With", P, "EAST")), "encrypt", "0 values 3 of 'Rel' to map to"),
        (mapping_to_sea(), label("CLOSED", ("Remarks", I, "STAFF")), "encrypt", "no equivalent of 'STAFF'"),
        (mapping_to_sea("onlyOne"), label("CLOSED"), "encrypt", "left open which to add"),
        (mapping_to_sea(), label("SHUT"), "encrypt", "the label is not valid under policy SKY"),
    ],
)
def test_what_has_no_equivalent_is_refused_by_name(
    policy: SecurityPolicy, labelled: Label, applied: str, said: str
) -> None:
    with pytest.raises(NoEquivalentError, match=said):
        policy.equivalent(labelled, SEA, applied)


def test_a_value_is_left_out_only_where_the_policy_says_discard() -> None:
    staff = label("CLOSED", ("Remarks", I, "STAFF"))
    sky = Category("From", I, ("SKY",))
    assert mapping_to_sea(remark='lacv="" action="discard"').equivalent(staff, SEA) == Label("SEA", "HIGH", (sky,))
    both = mapping_to_sea(remark='lacv="2"', applied="decrypt").equivalent(staff, SEA, "decrypt")
    assert both == Label("SEA", "HIGH", (Category("From", I, ("MOON", "SKY")),))


def test_natos_policy_is_read_with_its_classifications_values_and_languages() -> None:
    need_data()
    nato = read_spif(NATO_SPIF.read_bytes(), NATO_SPIF.name)
    assert (nato.name, nato.oid, nato.spif.version) == ("NATO", "1.3.26.1.3.1", "88")
    assert nato.classifications() == ["UNCLASSIFIED", "RESTRICTED", "CONFIDENTIAL", "SECRET", "TOP SECRET"]
    tags = {tag.name: tag for tag_set in nato.spif.tag_sets for tag in tag_set.tags}
    kinds = {name: tag.kind.category_type for name, tag in tags.items()}
    assert kinds == {
        "Special Category Designators": R,
        "Releasable To": P,
        "Administrative": I,
        "Context": P,
        "Only": P,
        "Limited": I,
    }
    assert [value.name for value in tags["Special Category Designators"].values] == [
        *("ATOMAL", "CRYPTO", "SIOP", "BOHEMIA"),
    ]
    # 93 and 84 entries; of the first, five names stand twice.
    assert (len(tags["Releasable To"].values), len(tags["Only"].values)) == (88, 84)
    releasable = Label("NATO", "SECRET", (Category("Releasable To", P, ("CHE", "JPN")),))
    assert nato.problems(releasable) == []
    assert nato.problems(Label("nato", "Secret", (Category("releasable to", P, ("jpn",)),))) == []
    assert nato.marking(releasable) == "NATO SECRET Releasable To Switzerland, Japan"
    assert nato.marking(Label("NATO", "UNCLASSIFIED"), "fr-BE") == "NATO SANS CLASSIFICATION"
    with pytest.raises(SpifError, match="well-formed"):
        read_spif(NATO_SPIF.read_bytes()[:-20], "cut.spif")


def test_the_public_policy_is_read_and_compares_without_case() -> None:
    need_data()
    public = read_spif(PUBLIC_SPIF.read_bytes(), PUBLIC_SPIF.name)
    labelled = Label("Public", "Unmarked", (Category("in confidence", I, ("staff",)),))
    assert public.problems(labelled) == []
    assert public.problems(Label("PUBL\u0130C", "UNMARKED")) != []
    assert public.marking(labelled) == "PUBLIC STAFF In Confidence"
