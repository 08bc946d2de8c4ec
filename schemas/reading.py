"""What a reader gives back for one payload: the records it could read, and a refusal for each it could not."""

from typing import NamedTuple

import pyarrow as pa

from schemas.ephemeris import Ephemeris
from schemas.refusals import Refusal, refusal_table


class Reading(NamedTuple):
    """``elements`` has the columns of ``schemas.records.ELEMENT_FIELDS_SCHEMA``, in the payload's order.

    ``encoding`` is one of ``tle``, ``omm-kvn``, ``omm-xml``, ``omm-json``, ``omm-csv``, or ``unknown`` where the
    content fits none (then there is one refusal for the whole payload).
    """

    encoding: str
    elements: pa.RecordBatch
    refusals: list[Refusal]

    @property
    def refusal_table(self) -> pa.Table:
        """The refusals as a table: `schemas.refusals.REFUSAL_SCHEMA`."""
        return refusal_table(self.refusals)


class EphemerisReading(NamedTuple):
    """``ephemerides`` in the payload's order; ``encoding`` is oem-kvn, oem-xml, ocm-kvn, ocm-xml or meme."""

    encoding: str
    ephemerides: list[Ephemeris]
    refusals: list[Refusal]

    @property
    def refusal_table(self) -> pa.Table:
        """The refusals as a table: `schemas.refusals.REFUSAL_SCHEMA`."""
        return refusal_table(self.refusals)


class ConjunctionReading(NamedTuple):
    """``conjunctions`` has the columns of ``schemas.cdm.columns.CONJUNCTION_MESSAGE_SCHEMA``, a row a message, in the
    payload's order. ``encoding`` is one of ``cdm-kvn``, ``cdm-xml``, ``cdm-json``, ``cdm-csv``.
    """

    encoding: str
    conjunctions: pa.RecordBatch
    refusals: list[Refusal]

    @property
    def refusal_table(self) -> pa.Table:
        """The refusals as a table: `schemas.refusals.REFUSAL_SCHEMA`."""
        return refusal_table(self.refusals)
