"""docs/release.md says every key, column and reason code, in the words of the code."""

import re
from pathlib import Path

import pytest

from schemas.records import Kind
from ssa_hub.release.admission import check_examples
from ssa_hub.release.agreement import (
    AGREEMENT_KEYS,
    EXAMPLE_KEYS,
    RESOLUTION_KEYS,
    RETENTION_KEYS,
    RULE_KEYS,
    Agreement,
    Example,
    RetentionRule,
    Rule,
    read_agreement,
)
from ssa_hub.release.columns import ALWAYS_COLUMNS, RECORD_KINDS, maskable_columns
from ssa_hub.release.documents import Key
from ssa_hub.release.mask import QUANTITIES, Resolution
from ssa_hub.release.partner import CATEGORY_KEYS, CLEARANCE_KEYS, PARTNER_KEYS, Clearance, Partner, read_partners
from ssa_hub.release.reason import ReasonCode
from ssa_hub.release.tear_line_terms import LABEL_CATEGORY_KEYS, LABEL_KEYS, TEAR_LINE_KEYS, TearLineTerms

PAGE = (Path(__file__).parents[2] / "docs" / "release.md").read_text(encoding="utf-8")


OF_AGREEMENTS = [*AGREEMENT_KEYS, *RULE_KEYS, *RESOLUTION_KEYS, *TEAR_LINE_KEYS, *EXAMPLE_KEYS, *RETENTION_KEYS]
OF_LABELS = [*LABEL_KEYS, *LABEL_CATEGORY_KEYS]
OF_PARTNERS = [*PARTNER_KEYS, *CLEARANCE_KEYS, *CATEGORY_KEYS]


@pytest.mark.parametrize("key", [*OF_AGREEMENTS, *OF_LABELS, *OF_PARTNERS])
def test_each_key_stands_in_the_reference(key: Key) -> None:
    assert f"| `{key.name}` | {'yes' if key.required else 'no'} | {key.allowed} |" in PAGE


def test_each_field_of_the_structs_has_a_key_and_each_key_a_field() -> None:
    def names(keys: tuple[Key, ...]) -> list[str]:
        return sorted(key.name for key in keys)

    assert names(RULE_KEYS) == sorted(Rule.__struct_fields__)
    assert names(RESOLUTION_KEYS) == sorted(Resolution.__struct_fields__)
    assert names(TEAR_LINE_KEYS) == sorted(TearLineTerms.__struct_fields__)
    assert names(RETENTION_KEYS) == sorted(RetentionRule.__struct_fields__)
    assert names(EXAMPLE_KEYS) == sorted(Example.__struct_fields__)
    assert {*names(AGREEMENT_KEYS), "rules", "examples", "retention", "file"} == set(Agreement.__struct_fields__)
    assert {*names(PARTNER_KEYS), "clearances"} == set(Partner.__struct_fields__)
    assert {*names(CLEARANCE_KEYS), "categories"} == set(Clearance.__struct_fields__)


@pytest.mark.parametrize("kind", RECORD_KINDS)
def test_each_column_stands_in_the_reference(kind: Kind) -> None:
    section = PAGE.split(f"### `{kind}`", 1)[1].split("\n#", 1)[0]
    always, maskable = section.split("Can be withheld:", 1)
    assert [name.strip("`., \n") for name in always.split("Always shown:", 1)[1].split(",")] == [*ALWAYS_COLUMNS[kind]]
    assert [name.strip("`., \n") for name in maskable.split(",")] == [*maskable_columns(kind)]


@pytest.mark.parametrize("quantity", Resolution.__struct_fields__)
def test_the_columns_of_each_quantity_stand_in_the_reference(quantity: str) -> None:
    (line,) = (line for line in PAGE.splitlines() if line.startswith(f"- `{quantity}`: "))
    assert re.findall("`([a-z0-9_]+)`", line)[1:] == [name for name, of in QUANTITIES.items() if of == quantity]


@pytest.mark.parametrize("code", list(ReasonCode))
def test_each_reason_code_stands_in_the_reference(code: ReasonCode) -> None:
    assert f"| `{code}` |" in PAGE


def test_the_examples_of_the_page_are_documents_that_hold() -> None:
    blocks = [block.split("```", 1)[0] for block in PAGE.split("```toml\n")[1:]]
    partners = read_partners(next(block for block in blocks if "[[partner]]" in block), "docs/release.md")
    agreement = read_agreement(next(block for block in blocks if "[[rule]]" in block), "docs/release.md")
    assert agreement.examples
    statements = read_agreement(
        'originator = "AQUILA"\n' + next(b for b in blocks if "tear_line" in b), "docs/release.md"
    )
    assert statements.rules[0].tear_line is not None
    assert check_examples(agreement, partners) == []
