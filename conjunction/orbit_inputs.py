"""What people hand over as orbits, taken apart: element sets as columns, ephemerides, catalogues; and what was refused.

Files and texts go through `schemas.messages.read_payload`, whatever message and encoding; tables through
`conjunction.element_tables`.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sgp4.api import Satrec
from sgp4.model import Satrec as PythonSatrec

from conjunction.catalogue import Catalogue
from conjunction.element_tables import (
    elements_of_reading,
    elements_of_satrecs,
    elements_of_table,
    table_of_records,
)
from schemas.ephemeris import Ephemeris
from schemas.messages import PAYLOAD_BYTES_MAX, PayloadReading, read_payload
from schemas.refusals import Refusal

# Text that stands in a path's place is a payload if it has more than one line: no TLE has one line, and no path two.
_TEXT_SIGN = "\n"


@dataclass
class Gathered:
    """What was found: parts of element columns, ephemerides and catalogues, each with what it is called and the rows
    of the input that it came from; refusals; and how many conjunction messages were passed by.
    """

    elements: list[tuple[str, pa.Table, NDArray[np.int64]]] = field(default_factory=list)
    ephemerides: list[tuple[str, Ephemeris]] = field(default_factory=list)
    catalogues: list[tuple[str, Catalogue]] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    messages_passed_by: int = 0


def gather(orbits: Any) -> Gathered:
    """Take orbits apart: anything of the following, or an iterable of such things, mixed as it may be.

    - a path (`pathlib.Path`, or text of one line) of a file with TLE, OMM, OEM, OCM or MEME, plain or compressed;
    - text of several lines or bytes with the same;
    - `schemas.messages.PayloadReading`, `schemas.ephemeris.Ephemeris`;
    - an Arrow table, a pandas DataFrame or anything else that speaks Arrow (`__arrow_c_stream__`), a NumPy structured
      array, with columns as in `conjunction.element_tables.elements_of_table`;
    - a mapping with the keywords of one OMM;
    - `sgp4.api.Satrec`;
    - `conjunction.Catalogue`.

    Raises OSError for a file that cannot be read, ValueError for a table that lacks a column, TypeError for anything
    else. Records that break their message's rules are in ``refusals``, and take nothing with them.
    """
    gathered = Gathered()
    _take(orbits, gathered, "orbits")
    return gathered


def gather_payloads(payloads: Iterable[tuple[str, bytes]]) -> Gathered:
    """Take payloads apart that were read already: what each is called, and its bytes, plain or compressed."""
    gathered = Gathered()
    for called, content in payloads:
        _take_reading(read_payload(content, called), called, gathered)
    return gathered


def _take(orbits: Any, gathered: Gathered, called: str) -> None:
    match orbits:
        case Catalogue():
            gathered.catalogues.append((called, orbits))
        case PayloadReading():
            _take_reading(orbits, called, gathered)
        case Ephemeris():
            gathered.ephemerides.append((called, orbits))
        case Path() | os.PathLike():
            _take_file(Path(orbits), gathered)
        case str():
            if _TEXT_SIGN in orbits:
                _take_reading(read_payload(orbits.encode(), called), called, gathered)
            else:
                _take_file(Path(orbits), gathered)
        case bytes() | bytearray() | memoryview():
            _take_reading(read_payload(bytes(orbits), called), called, gathered)
        case Satrec() | PythonSatrec():
            _take_satrecs([orbits], called, gathered)
        case Mapping():
            _take_reading(read_payload(msgspec.json.encode(dict(orbits)), called), called, gathered)
        case np.ndarray():
            _take_table(table_of_records(orbits), called, gathered)
        case pa.RecordBatch():
            _take_table(pa.Table.from_batches([orbits]), called, gathered)
        case _ if hasattr(orbits, "__arrow_c_stream__"):
            _take_table(pa.table(orbits), called, gathered)
        case _ if isinstance(orbits, Iterable):
            _take_several(list(orbits), gathered, called)
        case _:
            raise TypeError(f"{called}: orbits cannot be made of a {type(orbits).__qualname__}")


def _take_several(several: list[Any], gathered: Gathered, called: str) -> None:
    if several and all(isinstance(one, Satrec | PythonSatrec) for one in several):
        _take_satrecs(several, called, gathered)
        return
    if several and all(isinstance(one, Mapping) for one in several):
        _take_reading(read_payload(msgspec.json.encode(several), called), called, gathered)
        return
    for place, one in enumerate(several):
        _take(one, gathered, f"{called}[{place}]")


def _take_file(path: Path, gathered: Gathered) -> None:
    with path.open("rb") as file:
        content = file.read(PAYLOAD_BYTES_MAX + 1)
    _take_reading(read_payload(content, str(path)), str(path), gathered)


def _take_reading(reading: PayloadReading, called: str, gathered: Gathered) -> None:
    if reading.elements.num_rows:
        records = reading.elements.column("payload_record").to_numpy().astype(np.int64) - 1
        gathered.elements.append((called, elements_of_reading(reading.elements), records))
    gathered.ephemerides += [(called, ephemeris) for ephemeris in reading.ephemerides]
    gathered.refusals += reading.refusals
    gathered.messages_passed_by += reading.conjunctions.num_rows


def _take_satrecs(satellites: list[Any], called: str, gathered: Gathered) -> None:
    gathered.elements.append((called, elements_of_satrecs(satellites), np.arange(len(satellites), dtype=np.int64)))


def _take_table(table: pa.Table, called: str, gathered: Gathered) -> None:
    found = elements_of_table(table, called)
    gathered.elements.append((called, found.elements, found.row))
    gathered.refusals += found.refusals
