"""Which columns of a record an agreement speaks of, and which go with every record that is shown at all."""

from collections.abc import Mapping
from functools import lru_cache

import pyarrow as pa

from schemas.message_records import CONJUNCTION_MESSAGE, EPHEMERIS
from schemas.records import CONJUNCTION, ELEMENT_SET, PROVENANCE, Field, Kind
from ssa_hub.release.mask import EXACT, QUANTITIES, Mask, Resolution

EVERY_FIELD = "*"

# The kinds that records are of. A tear-line is a statement that the hub makes: it has no columns to withhold.
RECORD_KINDS = (Kind.ELEMENTS, Kind.DERIVED_CONJUNCTIONS, Kind.CONJUNCTION_MESSAGES, Kind.EPHEMERIDES)

# A hash of the payload, or of a file made of it, lets guesses at what is withheld be tested: it is shown with whole
# records alone.
PAYLOAD_HASH = "payload_sha256"
HASHES = (PAYLOAD_HASH, "states_sha256", "covariances_sha256")

COLUMNS: Mapping[Kind, tuple[str, ...]] = {
    Kind.ELEMENTS: tuple(field.name for field in ELEMENT_SET),
    Kind.DERIVED_CONJUNCTIONS: tuple(field.name for field in CONJUNCTION),
    Kind.CONJUNCTION_MESSAGES: tuple(field.name for field in CONJUNCTION_MESSAGE),
    Kind.EPHEMERIDES: tuple(field.name for field in EPHEMERIS),
}

_PROVENANCE = tuple(field.name for field in PROVENANCE)

# What is shown with every record that is shown: where it comes from, which object it speaks of (the hub's id of an
# object holds its catalogue number, so withholding the number alone would be pretence), the instant it is about, the
# label, which ADatP-4774 binds to the data, and of a conjunction how it was found, as screening is no advice. The
# payload's address, lineage, and the place in the payload are not among them: they say something of bytes and records
# that the partner may not have.
ALWAYS_COLUMNS: Mapping[Kind, tuple[str, ...]] = {
    Kind.ELEMENTS: (*_PROVENANCE, "label_id", "object_id", "catalogue_number", "epoch_tai_ns", "epoch_utc"),
    Kind.DERIVED_CONJUNCTIONS: (
        *_PROVENANCE,
        "object_id_1",
        "object_id_2",
        "catalogue_number_1",
        "catalogue_number_2",
        "tca_tai_ns",
        "parent_originator_1",
        "parent_originator_2",
        "parent_label_id_1",
        "parent_label_id_2",
        "method",
    ),
    Kind.CONJUNCTION_MESSAGES: (
        *(*_PROVENANCE, "label_id", "object_id_1", "object_id_2"),
        *("object1_object_designator", "object2_object_designator"),
        *("object1_catalogue_number", "object2_catalogue_number", "tca_tai_ns", "tca_utc"),
    ),
    Kind.EPHEMERIDES: (
        *(*_PROVENANCE, "label_id", "object_ids", "object_designators"),
        *("message", "usable_start_tai_ns", "usable_stop_tai_ns"),
    ),
}


def _gives_away(field: Field) -> bool:
    """Whether a conjunction message's column may say what another coarsens: states, covariances, what is computed of
    them, probabilities; and free text, which repeats numbers.
    """
    exact = pa.types.is_floating(field.type) and field.name not in QUANTITIES
    return exact or pa.types.is_list(field.type)


_WITHHELD_WHERE_COARSE = {
    Kind.CONJUNCTION_MESSAGES: frozenset(field.name for field in CONJUNCTION_MESSAGE if _gives_away(field)),
}


def maskable_columns(kind: Kind) -> tuple[str, ...]:
    """The columns of a kind that an agreement can withhold, in the schema's order; none of tear-lines."""
    if kind not in COLUMNS:
        return ()
    return tuple(name for name in COLUMNS[kind] if name not in ALWAYS_COLUMNS[kind])


@lru_cache(maxsize=4096)
def mask_of(kind: Kind, fields: tuple[str, ...]) -> tuple[str, ...]:
    """The columns of ``kind`` that ``fields`` names, sorted, with those that are always shown; none of tear-lines."""
    if kind not in COLUMNS:
        return ()
    if EVERY_FIELD in fields:
        return tuple(sorted(COLUMNS[kind]))
    return tuple(sorted(set(ALWAYS_COLUMNS[kind]) | (set(fields) & set(COLUMNS[kind]))))


@lru_cache(maxsize=4096)
def shown(kind: Kind, fields: tuple[str, ...], resolution: Resolution = EXACT) -> Mask:
    """What a rule with ``fields`` and ``resolution`` shows of ``kind``.

    Of the resolution only steps of quantities that a shown column is one of: equal masks show alike. Where a field is
    withheld or coarsened, the hashes of payload and files are withheld too; where a conjunction message is coarsened,
    so is what the exact values follow from.
    """
    columns = mask_of(kind, fields)
    quantities = {QUANTITIES[name] for name in columns if name in QUANTITIES}
    steps = {name: step for name, step in resolution.steps().items() if name in quantities}
    if steps or (kind in COLUMNS and set(columns) != set(COLUMNS[kind])):
        hidden = _WITHHELD_WHERE_COARSE.get(kind, frozenset()) if steps else frozenset()
        columns = tuple(name for name in columns if name not in HASHES and name not in hidden)
    return Mask(columns, Resolution(**steps))
