"""Record ids as a partner is shown them: his own pseudonyms for what he does not see whole.

A record's id is a hash of its content. Who sees a record without some field, or coarsened, could try values until the
hash fits. So he is shown AES-128 (FIPS 197) of the id's 16 bytes, one block, under a key that is HMAC-SHA256 (FIPS
198-1) of a secret of the hub and his name: the same for him for ever, another one for each partner, and nothing without
the key. One block holds one id, so there is no mode of operation to choose, and equal ids are meant to be equal.
"""

import binascii
import hashlib
import hmac
import re
from functools import lru_cache

import numpy as np
import pyarrow as pa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from ssa_hub.state.store import State

_SECRET, _SECRET_BYTES = "shown-ids", 32
_ID_BYTES, _ID_DIGITS = 16, 32
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)


class PartnerIds:
    """One partner's pseudonyms. Threads may share one."""

    def __init__(self, secret: bytes, partner: str) -> None:
        key = hmac.digest(secret, partner.encode(), hashlib.sha256)
        # A single block each: ECB of independent blocks is the block cipher itself.
        self._cipher = Cipher(algorithms.AES(key[:_ID_BYTES]), modes.ECB())  # noqa: S305
        # The other half of the digest: what orders rows that he sees in part (`history.queries`), never shown.
        self.order_key = key[_ID_BYTES:].hex()

    def shown(self, record_id: str) -> str:
        """The pseudonym of a record id. Raises ValueError for what is none (32 hexadecimal digits, small)."""
        return self._cipher.encryptor().update(_bytes_of(record_id)).hex()

    def true(self, shown: str) -> str:
        """The record id that has this pseudonym; there always is one. Raises ValueError as `shown`."""
        return self._cipher.decryptor().update(_bytes_of(shown)).hex()

    def shown_column(self, record_ids: pa.ChunkedArray) -> pa.Array:
        """The pseudonyms of a column of record ids (string, no nulls). Raises ValueError as `shown`."""
        plain = "".join(record_ids.to_pylist())
        if len(plain) != len(record_ids) * _ID_DIGITS:
            raise ValueError("a column of record ids has something else in it")
        hidden = binascii.hexlify(self._cipher.encryptor().update(bytes.fromhex(plain)))
        ends = np.arange(len(record_ids) + 1, dtype=np.int32) * _ID_DIGITS
        return pa.StringArray.from_buffers(len(record_ids), pa.py_buffer(ends), pa.py_buffer(hidden))


class ShownIds:
    """The pseudonyms of every partner, from one secret of the hub."""

    def __init__(self, secret: bytes) -> None:
        self._of = lru_cache(maxsize=1_024)(lambda partner: PartnerIds(secret, partner))

    def of(self, partner: str) -> PartnerIds:
        """The pseudonyms of a partner, by his name."""
        return self._of(partner)


def shown_ids_of(state: State) -> ShownIds:
    """The pseudonyms that this hub gives. Raises StateUnavailableError."""
    return ShownIds(state.secrets.get_or_make(_SECRET, _SECRET_BYTES))


def with_shown_ids(column: pa.ChunkedArray, hidden: "np.ndarray[tuple[int], np.dtype[np.bool_]]", ids: PartnerIds) -> (
    pa.ChunkedArray
):  # fmt: skip
    """The column of record ids with pseudonyms where ``hidden``; true ids of those rows are nowhere in its bytes."""
    if not hidden.any():
        return column
    pseudonyms = ids.shown_column(column)
    if hidden.all():
        return pa.chunked_array([pseudonyms])
    # Taken by index from both: laying one over the other would leave what lies below in the bytes of the answer.
    both = pa.concat_arrays([*column.chunks, pseudonyms])
    return pa.chunked_array([both.take(pa.array(np.arange(len(column)) + hidden * len(column)))])


def _bytes_of(text: str) -> bytes:
    if _ID.fullmatch(text) is None:
        raise ValueError("a record id has 32 hexadecimal digits, in small letters")
    return bytes.fromhex(text)
