"""The terms that questions to the history are asked on: as of when, of which mode, about which objects, how many rows.

They are keyword arguments of every question (PEP 692), so that who asks several on the same terms says them once.
"""

from collections.abc import Sequence
from typing import Any, Required, TypedDict

import pyarrow as pa

from schemas.records import Kind
from ssa_hub.history.asked import Asked
from ssa_hub.history.question import named_values


class Terms(TypedDict, total=False):
    """What every question has. ``object_ids`` left out: every object; ``limit`` rows at most.

    ``order_key`` and ``withdrawn``: see `ssa_hub.history.queries`.
    """

    now_tai_ns: Required[int]
    data_mode: Required[str]
    limit: Required[int]
    object_ids: Sequence[str] | None
    order_key: str | None
    withdrawn: pa.Table | None


class NumberedTerms(Terms, total=False):
    """Of questions about objects that may be named by catalogue number, too: a record of any named one is meant."""

    catalogue_numbers: Sequence[int] | None


class KnownTerms(NumberedTerms, total=False):
    """Of questions that may be asked as of an instant: only what had been received by then takes part."""

    known_at_tai_ns: int | None


def asked_on(
    release: pa.Table, kind: Kind, terms: Terms, grants: tuple[str, ...] = ("r",), *, of: type = KnownTerms
) -> Asked:
    """The share of the release in a question.

    Raises TypeError for terms that are none of the question's (``of``), which would restrict nothing, ValueError for a
    malformed release table.
    """
    if unknown := terms.keys() - of.__annotations__.keys():
        raise TypeError(f"the question has no {', '.join(sorted(unknown))}")
    return Asked(release, kind, terms["data_mode"], grants, terms.get("order_key"), terms.get("withdrawn"))


def named_by(terms: KnownTerms, side: str = "") -> dict[str, Sequence[Any]]:
    """Columns and the values asked for in them, as `named_values`."""
    return named_values(terms.get("object_ids"), terms.get("catalogue_numbers"), side)


def extent_of(terms: KnownTerms) -> dict[str, Any]:
    """The arguments of a question's SQL: ``now_tai_ns``, ``data_mode``, ``limit``, ``known_at_tai_ns``."""
    names = ("now_tai_ns", "data_mode", "limit", "known_at_tai_ns")
    return {name: terms.get(name) for name in names}
