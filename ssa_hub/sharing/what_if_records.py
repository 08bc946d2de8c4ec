"""What a what-if answers: records of hypothetical conjunctions, and what could not be screened.

A record is as a conjunction record is, without what a statement that nobody keeps cannot have: no id, no originator, no
reception. Object 1 is the candidate, and the relative quantities are in RTN of it.
"""

from typing import Any

import numpy as np
import pyarrow as pa

from schemas.records import CONJUNCTION, Field, Kind, arrow_schema
from ssa_hub.release.columns import ALWAYS_COLUMNS
from ssa_hub.release.masks import apply_masks
from ssa_hub.services.conjunction_records import METHOD
from ssa_hub.sharing.candidates import Candidates
from ssa_hub.sharing.disclosures import Channel, Disclosure
from ssa_hub.sharing.policies import Released
from ssa_hub.sharing.shown_ids import with_shown_ids
from ssa_hub.sharing.shown_rows import parents_in_part
from ssa_hub.sharing.utc import utc_texts

_ABSENT = frozenset(
    {
        "record_id",
        "source",
        "originator",
        "received_tai_ns",
        "parent_1",
        "parent_originator_1",
        "parent_label_id_1",
    }
)
_MEANINGS = {
    "object_id_1": "the object that the candidate stands for; null: none of the catalogue",
    "object_id_2": "the object that it meets",
    "catalogue_number_1": "catalogue number in the body, where it says one",
    "object_name_1": "the candidate's name in the body, where it says one",
    "at_window_edge": "the range was smallest at an edge of the window, or where one of the two orbits ends",
}
_NULLABLE = frozenset({"object_id_1", "catalogue_number_1", "object_name_1"})
WHAT_IF: tuple[Field, ...] = (
    Field("candidate", pa.int32(), False, "which orbit of the body, from 1"),
    *(
        field._replace(
            meaning=_MEANINGS.get(field.name, field.meaning), nullable=field.nullable or field.name in _NULLABLE
        )
        for field in CONJUNCTION
        if field.name not in _ABSENT
    ),
)
WHAT_IF_SCHEMA = arrow_schema(WHAT_IF)
# What the partner sent himself nobody withholds from him.
WHAT_IF_ALWAYS = (
    "candidate",
    "object_name_1",
    *(name for name in ALWAYS_COLUMNS[Kind.DERIVED_CONJUNCTIONS] if name not in _ABSENT),
)
_OF_PARENT = {
    "object_id_2": "object_id",
    "catalogue_number_2": "catalogue_number",
    "object_name_2": "object_name",
    "parent_2": "record_id",
    "parent_originator_2": "originator",
    "parent_label_id_2": "label_id",
}
_ORDER = ("tca_tai_ns", "candidate", "object_id_2", "parent_originator_2", "parent_label_id_2")


def what_if_records(
    found: pa.Table, candidates: Candidates, orbits: pa.Table, released: Released, data_mode: str
) -> pa.Table:
    """Masked records (`WHAT_IF` and ``withheld``), by TCA, candidate, object; the parent's id as the partner sees it.

    ``found`` has the columns of `conjunction.ScreeningResult.conjunctions`: index_1 is an orbit of the candidates,
    index_2 a row of ``orbits`` (columns of ELEMENT_SET and ``mask_id``).
    """
    count = found.num_rows
    who = [candidates.who[index] for index in found.column("index_1").to_pylist()]
    parents = orbits.take(found.column("index_2"))
    columns: dict[str, Any] = {name: found.column(name) for name in WHAT_IF_SCHEMA.names if name in found.column_names}
    columns |= {name: parents.column(of) for name, of in _OF_PARENT.items()}
    columns |= {
        "candidate": pa.array(np.asarray(found.column("index_1").to_numpy()) + 1, pa.int32()),
        "object_id_1": pa.array([one.object_id for one in who], pa.string()),
        "catalogue_number_1": pa.array([one.catalogue_number for one in who], pa.int64()),
        "object_name_1": pa.array([one.object_name for one in who], pa.string()),
        "data_mode": pa.repeat(pa.scalar(data_mode, pa.string()), count),
        "method": pa.repeat(pa.scalar(METHOD, pa.string()), count),
    }
    columns |= {
        field.name: pa.nulls(count, field.type)
        for field in WHAT_IF_SCHEMA
        if field.nullable and field.name not in columns
    }
    whole = pa.table([columns[name] for name in WHAT_IF_SCHEMA.names], schema=WHAT_IF_SCHEMA)
    whole = whole.append_column("mask_id", parents.column("mask_id"))
    whole = whole.sort_by([(name, "ascending") for name in _ORDER]).combine_chunks()
    place = whole.column_names.index("parent_2")
    shown = with_shown_ids(whole.column(place), parents_in_part(whole, 2, released), released.ids)
    whole = whole.set_column(place, whole.schema.field(place), shown)
    return apply_masks(whole, "mask_id", released.table.masks, WHAT_IF_ALWAYS)


def what_if_disclosures(records: pa.Table, released: Released) -> list[Disclosure]:
    """What an answer tells of others' orbits, as counts for each originator: the ledger keeps nothing of a what-if."""
    counts = records.group_by(["data_mode", "parent_originator_2"]).aggregate([([], "count_all")]).to_pylist()
    found = []
    for row in sorted(counts, key=lambda row: str(row["parent_originator_2"])):
        originator, mode = row["parent_originator_2"], row["data_mode"]
        grant = released.table.grant(Kind.DERIVED_CONJUNCTIONS, mode, originator)
        if grant is None:
            raise ValueError(f"an orbit of {originator} took part in a what-if that it is not released for")
        if grant.own:
            continue
        found.append(
            Disclosure(
                partner=released.table.partner,
                originator=originator,
                channel=Channel.WHAT_IF,
                kind="conjunctions",
                data_mode=mode,
                policy_version=released.table.policy_version,
                agreement_version=grant.agreement_version,
                rule=grant.rule,
                posture=str(released.table.posture),
                pseudonymous=False,
                record_ids=b"",
                records=row["count_all"],
            )
        )
    return found


def left_out_items(of_candidates: pa.Table, of_orbits: pa.Table, orbits: pa.Table) -> list[dict[str, Any]]:
    """What was not screened, or not all the time: candidates first, then the orbits that took part, in their order.

    Both tables have the columns of `conjunction.ScreeningResult.left_out`.
    """
    items = [
        {"candidate": row["index"] + 1, "object_id": None, "originator": None} | _why(row)
        for row in of_candidates.to_pylist()
    ]
    names = orbits.select(["object_id", "originator"]).take(of_orbits.column("index")).to_pylist()
    items += [{"candidate": None, **name} | _why(row) for name, row in zip(names, of_orbits.to_pylist(), strict=True)]
    return items


def _why(row: dict[str, Any]) -> dict[str, Any]:
    until_tai_ns = row.get("until_tai_ns")
    from_utc, until_utc = utc_texts([row["from_tai_ns"], until_tai_ns])
    return {"reason": row["reason"], "from_utc": from_utc, "until_utc": until_utc}
