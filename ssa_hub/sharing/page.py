"""A page of an answer, whatever form it is written in."""

from typing import NamedTuple

import pyarrow as pa

Key = tuple[str | int, ...]


class Page(NamedTuple):
    """Masked records, the policy version that they were released under, and the sort key of the last one.

    ``last_key`` is None on the last page.
    """

    records: pa.Table
    policy_version: str
    data_mode: str
    last_key: Key | None
