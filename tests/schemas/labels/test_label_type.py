"""The label as a type: stored ids, succession, review, strict JSON."""

import msgspec
import pytest

from schemas.labels import Category, CategoryType, Label, Succession, label_from_json
from schemas.timescales import parse_utc

# Written out as the first version of the hub stored it, with its id (SHA-256 by sha256sum, first 16 digits).
STORED = (
    b'{"policy":"PUBLIC","classification":"RESTRICTED","categories":[{"tag_name":"Releasable To","type":"PERMISSIVE",'
    b'"values":["COALITION","OPERATORS"]},{"tag_name":"Special","type":"RESTRICTIVE","values":["EYES"]}]}'
)
STORED_ID = "6fabe8dbd1670132"
STORED_BARE, STORED_BARE_ID = b'{"policy":"PUBLIC","classification":"U","categories":[]}', "787358986ee05d91"

T1, T2 = "2026-06-01T00:00:00Z", "2027-06-01T00:00:00Z"
BEFORE, FIRST, SECOND = parse_utc("2026-05-31T23:59:59.999999999"), parse_utc(T1), parse_utc(T2)


def chain() -> Label:
    last = Label("P", "OPEN")
    return Label("P", "SECRET", succession=Succession(T1, Label("P", "RESTRICTED", succession=Succession(T2, last))))


def test_a_label_of_the_first_version_keeps_its_bytes_and_its_id() -> None:
    label = Label(
        "PUBLIC",
        "RESTRICTED",
        (
            Category("Special", CategoryType.RESTRICTIVE, ("EYES",)),
            Category("Releasable To", CategoryType.PERMISSIVE, ("COALITION", "OPERATORS")),
        ),
    )
    assert label.to_json() == STORED
    assert label.label_id == STORED_ID
    assert label_from_json(STORED) == label.canonical()
    assert Label("PUBLIC", "U").to_json() == msgspec.json.encode(Label("PUBLIC", "U")) == STORED_BARE
    assert label_from_json(STORED_BARE).label_id == STORED_BARE_ID


def test_a_label_with_everything_reads_back_from_its_json() -> None:
    label = msgspec.structs.replace(
        chain(),
        policy_uri="urn:oid:1.2.3",
        privacy_mark="handle by hand",
        originator_id="desk@centre.example",
        originator_id_type="rfc822Name",
        creation_utc="2026-01-01T00:00:00",
        review_utc=T2,
        alternatives=(Label("Z", "A"), Label("B", "C")),
        categories=(Category("Tag", CategoryType.INFORMATIVE, ("X",), uri="urn:oid:1.2"),),
    )
    read = label_from_json(label.to_json())
    assert read == label.canonical()
    assert read.creation_utc == "2026-01-01T00:00:00Z"
    assert [alternative.policy for alternative in read.alternatives] == ["B", "Z"]


@pytest.mark.parametrize(
    "data",
    [
        b'{"policy":"P"}',
        b'{"policy":"P","classification":"C","colour":"red"}',
        b'{"policy":"P","classification":"C","review_utc":"tomorrow"}',
        b'{"policy":"P","classification":"C","originator_id":"x"}',
        b'{"policy":"P","classification":"C","originator_id":"x","originator_id_type":"telephone"}',
        b'{"policy":"P","classification":"C","alternatives":[{"policy":"P","classification":"D"}]}',
        b'{"policy":"P","classification":"C","categories":[{"tag_name":"T","type":"Permissive","values":["A"]}]}',
        b'{"policy":"P","classification":"C","categories":[{"tag_name":"T","type":"PERMISSIVE","values":["B","A"]}]}',
    ],
)
def test_json_that_is_no_label_is_refused(data: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        label_from_json(data)


def test_the_label_in_force_follows_succession() -> None:
    label = chain()
    assert [label.at(instant).classification for instant in (BEFORE, FIRST, SECOND - 1, SECOND)] == [
        *("SECRET", "RESTRICTED", "RESTRICTED", "OPEN")
    ]
    assert label.at(BEFORE) == label
    assert label.at(FIRST).at(SECOND) == label.at(SECOND)


def test_the_next_change_is_the_first_succession_after_an_instant() -> None:
    label = chain()
    assert [label.next_change_tai_ns(instant) for instant in (BEFORE, FIRST, SECOND)] == [FIRST, SECOND, None]
    with_alternative = Label("Q", "A", alternatives=(label,))
    assert with_alternative.next_change_tai_ns(BEFORE) == FIRST


def test_an_alternative_that_does_not_follow_a_succession_is_dropped() -> None:
    upgraded = Succession(T1, Label("P", "SECRET"))
    stays = Label("Q", "OPEN")
    follows = Label("R", "OPEN", succession=Succession(T1, Label("R", "CLOSED")))
    label = Label("P", "OPEN", succession=upgraded, alternatives=(stays, follows))
    assert [alternative.policy for alternative in label.at(BEFORE).alternatives] == ["Q", "R"]
    assert label.at(FIRST).alternatives == (Label("R", "CLOSED"),)


def test_an_alternative_that_changes_alone_is_dropped() -> None:
    changes = Label("R", "SECRET", succession=Succession(T1, Label("R", "OPEN")))
    assert Label("P", "SECRET", alternatives=(changes,)).at(FIRST).alternatives == ()


def test_a_review_date_is_told_and_changes_nothing() -> None:
    label = Label("P", "C", review_utc=T1)
    assert not label.review_is_due(BEFORE)
    assert label.review_is_due(FIRST)
    assert label.at(SECOND) == label
    assert not Label("P", "C").review_is_due(SECOND)


def test_more_than_eight_successions_are_refused() -> None:
    label = Label("P", "C")
    for year in range(2040, 2032, -1):
        label = Label("P", "C", succession=Succession(f"{year}-01-01T00:00:00", label))
    with pytest.raises(ValueError, match="at most 8 successions"):
        Label("P", "C", succession=Succession("2032-01-01T00:00:00", label))


def test_a_succession_must_come_later_than_the_one_before() -> None:
    with pytest.raises(ValueError, match="later"):
        Label("P", "C", succession=Succession(T2, Label("P", "C", succession=Succession(T1, Label("P", "C")))))


def test_a_successor_has_neither_review_date_nor_alternatives() -> None:
    with pytest.raises(ValueError, match="review date"):
        Succession(T1, Label("P", "C", review_utc=T2))
    with pytest.raises(ValueError, match="no alternatives"):
        Succession(T1, Label("P", "C", alternatives=(Label("Q", "C"),)))
