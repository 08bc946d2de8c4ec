"""A hash of values by what they hold: equal for equal contents, whatever built them, on any machine and any day."""

import dataclasses
import hashlib
import struct
from typing import Any

import numpy as np
import pyarrow as pa


def digest(value: object) -> str:
    """Hexadecimal SHA-256 of a value: None, truth values, numbers, text, bytes, NumPy arrays, Arrow columns and tables,
    and lists, tuples, dictionaries (in any order) and dataclasses of these.

    Every part is hashed with its kind and length, so that no two contents share a text; floats by their bits, so that
    0.0 and -0.0 differ. Raises TypeError for anything else.
    """
    hashed = hashlib.sha256()
    _take_in(hashed, value)
    return hashed.hexdigest()


def _take_in(hashed: Any, value: object) -> None:
    match value:
        case None:
            _part(hashed, "none", b"")
        case bool() | np.bool_():
            _part(hashed, "bool", b"1" if value else b"0")
        case int() | np.integer():
            _part(hashed, "int", str(int(value)).encode())
        case float() | np.floating():
            _part(hashed, "float", struct.pack(">d", float(value)))
        case str():
            _part(hashed, "text", value.encode("utf-8", "surrogatepass"))
        case bytes():
            _part(hashed, "bytes", value)
        case np.ndarray():
            _array(hashed, value)
        case pa.Table() | pa.RecordBatch():
            _part(hashed, "table", str(value.num_rows).encode())
            for name in value.schema.names:
                _take_in(hashed, name)
                _take_in(hashed, value.column(name))
        case pa.Array() | pa.ChunkedArray():
            _column(hashed, value)
        case dict():
            _part(hashed, "dict", str(len(value)).encode())
            for entry in sorted((digest(key), digest(content)) for key, content in value.items()):
                _part(hashed, "entry", "".join(entry).encode())
        case list() | tuple():
            _part(hashed, "list", str(len(value)).encode())
            for content in value:
                _take_in(hashed, content)
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            _part(hashed, "dataclass", type(value).__qualname__.encode())
            for field in dataclasses.fields(value):
                _take_in(hashed, field.name)
                _take_in(hashed, getattr(value, field.name))
        case _:
            raise TypeError(f"a {type(value).__qualname__} has no contents that a hash could stand for")


def _part(hashed: Any, kind: str, content: bytes) -> None:
    hashed.update(f"{kind}:{len(content)}:".encode())
    hashed.update(content)


def _array(hashed: Any, value: np.ndarray) -> None:
    if value.dtype.hasobject:
        _take_in(hashed, value.tolist())
        return
    _part(hashed, "array", f"{value.dtype.newbyteorder('<').str}{value.shape}".encode())
    hashed.update(np.ascontiguousarray(value).astype(value.dtype.newbyteorder("<"), copy=False).tobytes())


def _column(hashed: Any, value: Any) -> None:
    """An Arrow column by its values, so that neither chunks nor offsets count."""
    _part(hashed, "column", str(value.type).encode())
    if value.null_count == 0 and (pa.types.is_floating(value.type) or pa.types.is_integer(value.type)):
        _array(hashed, np.asarray(value.to_numpy(zero_copy_only=False) if isinstance(value, pa.Array) else value))
    else:
        _take_in(hashed, value.to_pylist())
