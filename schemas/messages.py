"""Reads a payload of any message that we know in any encoding, recognised by its content."""

from collections import Counter
from collections.abc import Callable
from pathlib import PurePath
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from schemas.cdm.columns import CONJUNCTION_MESSAGE_SCHEMA
from schemas.cdm.reading import read_cdm_csv, read_cdm_json, read_cdm_kvn, read_cdm_xml
from schemas.combined import read_combined_xml
from schemas.decompress import decompressed
from schemas.element_rows import EMPTY_ELEMENTS
from schemas.ephemeris import Ephemeris
from schemas.meme.read import read_meme
from schemas.ocm.read import read_ocm_kvn, read_ocm_xml
from schemas.oem.read import read_oem_kvn, read_oem_xml
from schemas.omm.read_csv import read_omm_csv
from schemas.omm.read_json import read_omm_json
from schemas.omm.read_kvn import read_omm_kvn
from schemas.omm.read_xml import read_omm_xml
from schemas.reading import ConjunctionReading, EphemerisReading, Reading
from schemas.recognise import Recognised, recognise, without_byte_order_mark
from schemas.refusals import RecordRefusedError, Refusal
from schemas.tle.read import read_tle

PAYLOAD_BYTES_MAX = 1 << 30
EMPTY_CONJUNCTIONS = pa.RecordBatch.from_pylist([], schema=CONJUNCTION_MESSAGE_SCHEMA)
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class PayloadReading(NamedTuple):
    """What one payload holds: element sets, ephemerides and conjunction messages, and a refusal for each record else.

    ``encoding`` is as in `schemas.recognise.Recognised.encoding`, or ``unknown``.
    """

    encoding: str
    elements: pa.RecordBatch
    ephemerides: list[Ephemeris]
    conjunctions: pa.RecordBatch
    refusals: list[Refusal]

    @property
    def records(self) -> int:
        """How many records were read."""
        return int(self.elements.num_rows + len(self.ephemerides) + self.conjunctions.num_rows)

    def deviations(self) -> dict[str, int]:
        """Known deviations that were accepted, and in how many records each; the most frequent first."""
        counts: Counter[str] = Counter()
        for batch in (self.elements, self.conjunctions):
            counts.update(_value_counts(batch.column("deviations")))
        for ephemeris in self.ephemerides:
            counts.update(ephemeris.deviations)
        return dict(counts.most_common())

    def left_out(self) -> dict[str, int]:
        """Blocks of OCMs that are right and in no record (``traj KEPLERIAN``, ``man``), and in how many messages."""
        return dict(
            Counter(name for ephemeris in self.ephemerides for name in dict.fromkeys(ephemeris.left_out)).most_common()
        )

    def quality(self) -> dict[str, int]:
        """Quality flags of conjunction messages, and on how many each stands."""
        return dict(Counter(_value_counts(self.conjunctions.column("quality"))).most_common())


def read_payload(data: bytes, file: str, *, draft: bool = False, bytes_max: int = PAYLOAD_BYTES_MAX) -> PayloadReading:
    """The records of a payload, plain or compressed (gzip, bzip2, xz, LZMA); ``file`` is what refusals call it.

    ``draft``: read the keywords of the CDM 2.0 draft too. Raises for no bytes at all: a payload that is larger than
    ``bytes_max`` (decompressed), damaged, empty, or of no known kind comes back with one refusal for the whole of it. A
    UTF-8 byte order mark is passed over.
    """
    try:
        if len(data) > bytes_max:
            raise RecordRefusedError("payload", f"{len(data)} bytes", f"at most {bytes_max} bytes")
        content = without_byte_order_mark(decompressed(data, bytes_max))
        return read_as(_recognised(content), content, file, draft=draft)
    except RecordRefusedError as error:
        return _nothing("unknown", [error.refusal(file, 1, 0, data)])


def read_as(what: Recognised, content: bytes, file: str, *, draft: bool = False) -> PayloadReading:
    """The records of content that is taken to be ``what``; the rest as `read_payload`.

    Raises RecordRefusedError for a message that we know and do not read.
    """
    reader = _READERS.get(what)
    if what.message == "NDM":
        return PayloadReading(*read_combined_xml(content, file, draft=draft))
    if what == Recognised("CDM", "csv"):
        return _of_conjunctions(read_cdm_csv(content, file))
    if what.message == "CDM" and what.form in _CONJUNCTION_READERS:
        return _of_conjunctions(_CONJUNCTION_READERS[what.form](content, file, draft=draft))
    if reader is None:
        rule = "TLE, OMM, OEM, CDM, OCM or MEME: this message is not read here"
        raise RecordRefusedError("payload", f"{what.message} in {what.form}", rule)
    return _of_reading(reader(content, file))


_READERS: dict[Recognised, Callable[[bytes, str], Reading | EphemerisReading]] = {
    Recognised("TLE", "tle"): read_tle,
    Recognised("OMM", "kvn"): read_omm_kvn,
    Recognised("OMM", "xml"): read_omm_xml,
    Recognised("OMM", "json"): read_omm_json,
    Recognised("OMM", "csv"): read_omm_csv,
    Recognised("OEM", "kvn"): read_oem_kvn,
    Recognised("OEM", "xml"): read_oem_xml,
    Recognised("OCM", "kvn"): read_ocm_kvn,
    Recognised("OCM", "xml"): read_ocm_xml,
    Recognised("MEME", "text"): lambda content, file: read_meme(content, file, PurePath(file).name),
}
_CONJUNCTION_READERS = {"kvn": read_cdm_kvn, "xml": read_cdm_xml, "json": read_cdm_json}


def _recognised(content: bytes) -> Recognised:
    what = recognise(content)
    if what is not None:
        return what
    if not content.strip():
        raise RecordRefusedError("payload", content[:40], "a payload with something in it")
    if content.startswith(_UTF_16):
        raise RecordRefusedError("payload", content[:40], "UTF-8, not UTF-16")
    raise RecordRefusedError("payload", content[:40], "TLE, OMM, OEM, CDM, OCM or MEME in an encoding that we know")


def _nothing(encoding: str, refusals: list[Refusal]) -> PayloadReading:
    return PayloadReading(encoding, EMPTY_ELEMENTS, [], EMPTY_CONJUNCTIONS, refusals)


def _of_reading(reading: Reading | EphemerisReading) -> PayloadReading:
    nothing = _nothing(reading.encoding, reading.refusals)
    if isinstance(reading, Reading):
        return nothing._replace(elements=reading.elements)
    return nothing._replace(ephemerides=reading.ephemerides)


def _of_conjunctions(reading: ConjunctionReading) -> PayloadReading:
    return _nothing(reading.encoding, reading.refusals)._replace(conjunctions=reading.conjunctions)


def _value_counts(lists: pa.Array) -> dict[str, int]:
    counted = pc.value_counts(pc.list_flatten(lists))
    return dict(zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True))
