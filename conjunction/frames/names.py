"""Reference frames by the names that messages give them."""

import re
from enum import IntEnum

from schemas.ccsds.values import word_of

_ITRF = re.compile(r"ITRF[-_ ]?(?:[0-9]{2}|[0-9]{4})?", re.ASCII)


class FrameError(ValueError):
    """A reference frame that is not converted here."""


class Frame(IntEnum):
    """The frames between which states are converted. All are centred on the Earth."""

    GCRF = 0
    EME2000 = 1
    TEME = 2
    ITRF = 3


_NAMES = {
    "GCRF": Frame.GCRF,
    # The ICRF's axes are the GCRF's; its origin is what CENTER_NAME says.
    "ICRF": Frame.GCRF,
    "EME2000": Frame.EME2000,
    "J2000": Frame.EME2000,
    "TEME": Frame.TEME,
    "TEMEOFDATE": Frame.TEME,
}
_WHY_NOT = {
    "TOD": "the precession-nutation theory is not stated with it (two of them are 8 m apart in low orbit)",
    "MOD": "the precession theory is not stated with it",
    "GTOD": "the nutation theory of its sidereal time is not stated with it",
    "TDR": "the nutation theory of its sidereal time is not stated with it",
    "TOD_EARTH": "the precession-nutation theory is not stated with it",
}


def frame_named(name: str) -> Frame:
    """The frame of a REF_FRAME value: GCRF, ICRF, EME2000, J2000, TEME, TEMEOFDATE, ITRF and its realisations.

    Upper and lower case, and blank and underscore, are one (CCSDS 502.0-B-3, 7.5.3 and 7.5.4).
    Realisations (ITRF-93, ITRF97, ITRF2000, ITRF2020, ...) are one frame here: they differ by centimetres. Raises
    FrameError, naming the reason, for true- and mean-of-date frames and for any other name.

    >>> frame_named("ITRF-93").name
    'ITRF'
    """
    word = word_of(name).replace(" ", "_")
    if word in _NAMES:
        return _NAMES[word]
    if _ITRF.fullmatch(word):
        return Frame.ITRF
    reason = _WHY_NOT.get(word, "it is not one of GCRF, ICRF, EME2000, J2000, TEME, TEMEOFDATE, ITRF, ITRFyy, ITRFyyyy")
    raise FrameError(f"reference frame {name!r} is not converted: {reason}")
