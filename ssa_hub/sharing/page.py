"""A page of an answer, whatever form it is written in."""

from typing import NamedTuple

import pyarrow as pa

from ssa_hub.release.ledger import Disclosure

Key = tuple[str | int, ...]


class Page(NamedTuple):
    """Masked records, the policy version that they were released under, and the sort key of the last one.

    ``last_key`` is None on the last page. ``disclosures`` must be recorded after the page has been rendered and before
    any of it is sent. ``label_ids``: the labels of its rows, of a conjunction both parents', sorted.
    ``answered_tai_ns``: as of when it was answered, TAI ns. ``coarsened``: some row's values are rounded down to steps.
    """

    records: pa.Table
    policy_version: str
    data_mode: str
    last_key: Key | None
    disclosures: tuple[Disclosure, ...] = ()
    label_ids: tuple[str, ...] = ()
    answered_tai_ns: int = 0
    coarsened: bool = False
