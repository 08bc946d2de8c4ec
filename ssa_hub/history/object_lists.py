"""Which rows of a data file are of which object, kept in the file's footer: who asks for an object reads its rows.

The bounds of a row group include many objects that it does not hold, and in a row group of thousands an object has few
rows. A file that is sorted by object can say in some kilobytes where each one's rows stand: objects in ascending order
and how many rows each has, as an Arrow table (IPC stream, zstd). It is in base64, as other readers take what is in a
footer for text, and behind the first digits of its SHA-256: no checksum of Parquet covers a footer, and Arrow does not
look at what it maps. It says nothing that the rows do not say.
"""

import base64
import hashlib
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

# The key in a Parquet footer, and the column whose values are listed.
KEY = "ssa-hub.objects"
COLUMN = "object_id"
_SCHEMA = pa.schema([pa.field("object_id", pa.string(), False), pa.field("rows", pa.int64(), False)])
# From so many ids on, looking all of them up together is faster than one by one.
_MANY = 16


class ObjectList(NamedTuple):
    """The objects of one file, ascending, and behind which row each ends; shape (objects,) both."""

    objects: pa.StringArray
    ends: NDArray[np.int64]

    def rows_of(self, ordered: Sequence[str]) -> list[tuple[int, int]]:
        """First row, and the one behind the last, of each of these ids (ascending) that the file has; in order."""
        if len(ordered) < _MANY:
            places = [self._place(name) for name in ordered]
        else:
            places = pc.index_in(pa.array(ordered, pa.string()), value_set=self.objects).to_pylist()
        found = [place for place in places if place is not None]
        return [(int(self.ends[place - 1]) if place else 0, int(self.ends[place])) for place in found]

    def agrees(self, other: "ObjectList | None") -> bool:
        """Whether another list says the same."""
        return other is not None and self.objects.equals(other.objects) and np.array_equal(self.ends, other.ends)

    def _place(self, name: str) -> int | None:
        # Text is compared as UTF-8 there and by code points here: the order is the same.
        place = bisect_left(self.objects, name, key=_text)
        return place if place < len(self.objects) and _text(self.objects[place]) == name else None


class ObjectListWriter:
    """Lists the objects of a file while its rows are written."""

    def __init__(self) -> None:
        self._objects: list[pa.Array] = []
        self._ends: list[NDArray[np.int64]] = []
        self._rows = 0

    def add(self, rows: pa.Table) -> None:
        """The next rows of the file."""
        for chunk in rows.column(COLUMN).chunks:
            if len(chunk):
                runs = pc.run_end_encode(chunk, run_end_type=pa.int64())
                self._objects.append(runs.values)
                self._ends.append(runs.run_ends.to_numpy() + self._rows)
                self._rows += len(chunk)

    def listed(self) -> ObjectList | None:
        """The list; None where an object's rows do not stand together, or not in order, or there are none."""
        if not self._rows:
            return None
        objects, ends = pa.concat_arrays(self._objects), np.concatenate(self._ends)
        # An object whose rows came in two pieces ends where the second does.
        last = np.append(pc.not_equal(objects.slice(1), objects.slice(0, len(objects) - 1)).to_numpy(False), True)
        objects, ends = objects.filter(pa.array(last)), ends[last]
        if not pc.all(pc.less(objects.slice(0, len(objects) - 1), objects.slice(1)), min_count=0).as_py():
            return None
        return ObjectList(objects, ends)


def packed(listed: ObjectList) -> str:
    """A list as text for a footer."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, _SCHEMA, options=pa.ipc.IpcWriteOptions(compression="zstd")) as stream:
        stream.write_table(pa.table([listed.objects, np.diff(listed.ends, prepend=0)], schema=_SCHEMA))
    data = sink.getvalue().to_pybytes()
    return f"{_digest(data)}:{base64.b64encode(data).decode()}"


def is_in(metadata: pq.FileMetaData) -> bool:
    """Whether a footer has a list, in whatever form."""
    return KEY.encode() in (metadata.metadata or {})


def of_footer(metadata: pq.FileMetaData) -> ObjectList | None:
    """The list that a file's footer has; None where there is none that can be used."""
    return unpacked(metadata.metadata[KEY.encode()], metadata.num_rows) if is_in(metadata) else None


def unpacked(text: bytes, rows: int) -> ObjectList | None:
    """The list that a footer holds; None where it does not say where each of the file's rows belongs."""
    digest, _, encoded = text.partition(b":")
    try:
        data = base64.b64decode(encoded, validate=True)
        if _digest(data).encode() != digest:
            return None
        with pa.ipc.open_stream(data) as stream:
            listed = stream.read_all()
    except (ValueError, pa.ArrowException):  # what base64 raises is a ValueError
        return None
    if listed.schema != _SCHEMA or not listed.num_rows:
        return None
    listed = listed.combine_chunks()
    ends = np.cumsum(listed.column("rows").to_numpy())
    return ObjectList(listed.column("object_id").chunk(0), ends) if ends[-1] == rows else None


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _text(value: Any) -> str:
    return str(value.as_py())
