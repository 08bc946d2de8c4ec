"""The judge: what belongs to another version of a message, or to a draft."""

from collections.abc import Callable

import pytest

from schemas.ccsds.judge import judge
from schemas.ccsds.table import KINDS, BlockKind, Keyword, ValueType, message_kind
from schemas.ccsds.tree import Item, Message
from tests.schemas.ccsds.judged_messages import CDM, OEM_KVN, SAMPLES, tree
from tests.schemas.ccsds.judgements import TEXTS, refusal

_KVN = [sample for sample in SAMPLES if sample.encoding == "kvn"]


@pytest.mark.parametrize("version", ["", "1", "4.0", "3", "2.0 ", "\u0662.0"])
def test_unknown_versions_are_refused(version: str) -> None:
    for sample in _KVN:
        message = sample.message()
        message.version = version
        error = refusal(message)
        assert (error.field, error.line) == (message.kind.version_keyword, 1)


def test_what_came_with_a_later_version_is_refused_in_an_earlier_one() -> None:
    tried = 0
    for name in KINDS:
        for block in message_kind(name).blocks:
            for keyword in block.keywords:
                if keyword.since and not keyword.in_rows:
                    text = TEXTS[name]
                    line = next((one for one in text.split("\n") if one.startswith(f"{keyword.keyword} = ")), None)
                    if line is None:
                        partner = keyword.exclusive_with
                        line = next(one for one in text.split("\n") if one.startswith(f"{partner} = "))
                        text = text.replace(line, f"{keyword.keyword} = 0.0")
                        judge(tree(name, "3.0", text, "kvn"))
                    only = _without_since(name, text, keep=keyword.keyword, before=keyword.since)
                    assert refusal(only).field == keyword.keyword
                    tried += 1
    assert tried == 7


def _without_since(name: str, text: str, keep: str, before: str) -> Message:
    """The message in the version before ``before``, without the other things that are newer than it."""
    kind = message_kind(name)
    message = tree(name, kind.versions[kind.versions.index(before) - 1], text, "kvn")
    message.blocks = [block for block in message.blocks if not block.kind.since]
    for block in message.blocks:
        block.items[:] = [
            item
            for item in block.items
            if item.keyword == keep
            or item.keyword not in block.kind.by_name
            or not block.kind.by_name[item.keyword].since
        ]
    return message


def test_an_oem_of_version_1_has_no_covariance_and_no_accelerations() -> None:
    message = _without_since("OEM", OEM_KVN, keep="", before="2.0")
    judge(message)
    older = tree("OEM", "1.0", OEM_KVN, "kvn")
    message.blocks.insert(4, next(block for block in older.blocks if block.kind.name == "covarianceMatrix"))
    assert refusal(message).field == "EPOCH"


def _draft_keywords() -> list[tuple[BlockKind, Keyword]]:
    return [(block, keyword) for block in message_kind("CDM").blocks for keyword in block.keywords if keyword.draft]


_DRAFT_VALUES: dict[ValueType, Callable[[Keyword], str]] = {
    ValueType.NUMBER: lambda keyword: " ".join(["0.5"] * keyword.count),
    ValueType.EPOCH: lambda _: "2026-03-12T10:31:12",
    ValueType.CHOICE: lambda keyword: keyword.choices[0],
    ValueType.TEXT: lambda _: "some text",
    ValueType.FREE: lambda _: "Some text",
}


@pytest.mark.parametrize(("block", "keyword"), _draft_keywords(), ids=lambda value: getattr(value, "keyword", ""))
def test_a_draft_keyword_is_read_where_drafts_are_asked_for(block: BlockKind, keyword: Keyword) -> None:
    value = _DRAFT_VALUES[keyword.type](keyword)
    for at_end in (False, True):  # the drafts differ in their order
        message = tree("CDM", "1.0", CDM, "kvn")
        items = message.blocks_of(block.name)[0].items
        items.insert(len(items) if at_end else 1, Item(keyword.keyword, value, keyword.units, 5))
        judge(message, draft=True)
        error = refusal(message)
        assert error.field == keyword.keyword
        assert "draft" in error.rule


def test_version_2_of_the_cdm_is_a_draft() -> None:
    message = tree("CDM", "2.0", CDM + "== userDefinedParameters 2\nUSER_DEFINED_X = 1\n", "kvn")
    assert refusal(message).field == "CCSDS_CDM_VERS"
    judge(message, draft=True)
    message.version = "1.0"
    assert refusal(message).field == "USER_DEFINED_X"
