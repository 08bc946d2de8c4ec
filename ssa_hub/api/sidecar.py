"""``sidecar=true``: a page with the label of what is in it, as a ZIP of the file and an ADatP-4778 binding.

The label is the one that dominates the labels of the page's rows at the time of the answer, so it is a function of
what the partner may see and of nothing else.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import Query

from schemas.dominance import NoDominantLabelError, dominant
from schemas.label_archive import labelled_archive
from schemas.label_error import NoLabelMappingError
from schemas.label_writing import with_dates
from schemas.labels import Label
from schemas.spif import SecurityPolicy
from schemas.timescales import NS_PER_DAY, parse_utc
from ssa_hub.api.formats import Format
from ssa_hub.api.problems import not_acceptable

MEDIA_TYPE = "application/zip"
# ADatP-4774 wants a review date; a label that was derived for an export is to be looked at within a year.
REVIEW_AFTER_NS = 365 * NS_PER_DAY

Sidecar = Annotated[
    bool, Query(description="a ZIP of the file and its label, bound to it by an ADatP-4778 sidecar (.bdo)")
]

_SUFFIXES = {
    Format.JSON: "json",
    Format.NDJSON: "ndjson",
    Format.CSV: "csv",
    Format.ARROW: "arrows",
    Format.PARQUET: "parquet",
    Format.OMM_KVN: "omm",
    Format.OMM_XML: "xml",
    Format.OMM_JSON: "omm.json",
    Format.OMM_CSV: "omm.csv",
    Format.TLE: "tle",
    Format.THREE_LINE: "3le",
}


def archived(
    body: bytes,
    listing: str,
    chosen: Format,
    labels: Sequence[Label],
    policies: Mapping[str, SecurityPolicy],
    now_tai_ns: int,
) -> bytes:
    """The ZIP of a rendered page and its sidecar; ``labels`` are those of its rows, ``now_tai_ns`` TAI ns.

    Raises a 406 problem for a page without rows, and where no label dominates those of the rows or XML cannot say it:
    a file must not leave with a label that somebody made up.
    """
    if not labels:
        raise not_acceptable("There is nothing on this page, so there is no label to bind to it.")
    in_force = [label.at(now_tai_ns) for label in labels]
    try:
        label = with_dates(
            dominant(in_force, policies),
            creation_tai_ns=now_tai_ns,
            review_tai_ns=_review_tai_ns(in_force, now_tai_ns),
        )
        return labelled_archive(f"{listing}.{_SUFFIXES[chosen]}", body, label)
    except (NoDominantLabelError, NoLabelMappingError) as error:
        raise not_acceptable(f"These records have no label in common that a sidecar could state: {error}") from error


def _review_tai_ns(labels: Sequence[Label], now_tai_ns: int) -> int:
    """When the derived label is to be reviewed: when any of its sources is, or changes; else within a year."""
    instants = [now_tai_ns + REVIEW_AFTER_NS]
    for label in labels:
        if label.review_utc is not None:
            instants.append(parse_utc(label.review_utc))
        change = label.next_change_tai_ns(now_tai_ns)
        if change is not None:
            instants.append(change)
    return min(instants)
