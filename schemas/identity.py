"""Who is who: object identifiers, record identifiers, payload identifiers.

Catalogue numbers of analyst objects, expected launches and nominal launches are reused for different objects, so
they identify an object only within the source that uses them (ranges: Space-Track and CelesTrak practice, 2026).
"""

import hashlib

_SHARED_CATALOGUE = ((1, 69_999), (100_000, 269_999))


def object_id_of(catalogue_number: int, source: str) -> str:
    """The hub's own id of the object that ``source`` calls ``catalogue_number``.

    ``cat-25544`` where the number is a stable entry of the public catalogue, and ``src-<source>-80001`` where the
    number is an analyst's, an expected launch's or a launch nominal's. Raises ValueError outside 1 to 999,999,999.

    >>> object_id_of(25544, "celestrak"), object_id_of(80001, "celestrak")
    ('cat-25544', 'src-celestrak-80001')
    """
    if not 1 <= catalogue_number <= 999_999_999:
        raise ValueError(f"catalogue number {catalogue_number} is not within 1 to 999999999")
    if any(low <= catalogue_number <= high for low, high in _SHARED_CATALOGUE):
        return f"cat-{catalogue_number}"
    return f"src-{source}-{catalogue_number}"


def payload_sha256(data: bytes) -> str:
    """Hexadecimal SHA-256 of a payload's bytes as they came: its address in the payload store."""
    return hashlib.sha256(data).hexdigest()


def record_id_of(canonical: bytes) -> str:
    """32 hexadecimal digits of the SHA-256 of a record's canonical content."""
    return hashlib.sha256(canonical).hexdigest()[:32]
