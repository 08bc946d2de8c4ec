"""What the flat encodings, JSON and CSV, share: which keys they may have, and which of them are judged."""

from functools import cache

from schemas.omm.keywords import FLAT_EXTRAS, flat_keys


@cache
def judged_keys() -> frozenset[str]:
    """The keys whose values are judged; the rest describe the object or the file, and are passed over."""
    return flat_keys() - FLAT_EXTRAS
