"""What a reader gives back for one payload: the records it could read, and a refusal for each it could not."""

from typing import NamedTuple

import pyarrow as pa

from schemas.refusals import Refusal


class Reading(NamedTuple):
    """``elements`` has the columns of ``schemas.records.ELEMENT_FIELDS_SCHEMA``, in the payload's order.

    ``encoding`` is one of ``tle``, ``omm-kvn``, ``omm-xml``, ``omm-json``, ``omm-csv``, or ``unknown`` where the
    content fits none (then there is one refusal for the whole payload).
    """

    encoding: str
    elements: pa.RecordBatch
    refusals: list[Refusal]
