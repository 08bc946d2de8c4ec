"""The keywords of the OMM: one table that all four encodings are read and written by.

From CCSDS 502.0-B-3 EC1, tables 4-1 to 4-3 (order, section, units), NDM/XML 505.0-B-3 for the element names, and the
keys that Space-Track and CelesTrak add to their flat messages (seen in 2026).
"""

from typing import NamedTuple

CLAUSE_HEADER = "CCSDS 502.0-B-3, table 4-1"
CLAUSE_METADATA = "CCSDS 502.0-B-3, table 4-2"
CLAUSE_DATA = "CCSDS 502.0-B-3, table 4-3"

VERSION_KEYWORD = "CCSDS_OMM_VERS"
VERSIONS = ("2.0", "3.0")
USER_DEFINED_PREFIX = "USER_DEFINED_"


class Keyword(NamedTuple):
    """``section`` is the XML block; ``units`` what may stand in brackets or in the units attribute, or None."""

    name: str
    section: str
    units: str | None = None


def _section(section: str, *names: str) -> list[Keyword]:
    """Keywords written as ``NAME`` or ``NAME units``."""
    keywords = []
    for text in names:
        name, _, units = text.partition(" ")
        keywords.append(Keyword(name, section, units or None))
    return keywords


COVARIANCE = (
    "CX_X km**2",
    "CY_X km**2",
    "CY_Y km**2",
    "CZ_X km**2",
    "CZ_Y km**2",
    "CZ_Z km**2",
    "CX_DOT_X km**2/s",
    "CX_DOT_Y km**2/s",
    "CX_DOT_Z km**2/s",
    "CX_DOT_X_DOT km**2/s**2",
    "CY_DOT_X km**2/s",
    "CY_DOT_Y km**2/s",
    "CY_DOT_Z km**2/s",
    "CY_DOT_X_DOT km**2/s**2",
    "CY_DOT_Y_DOT km**2/s**2",
    "CZ_DOT_X km**2/s",
    "CZ_DOT_Y km**2/s",
    "CZ_DOT_Z km**2/s",
    "CZ_DOT_X_DOT km**2/s**2",
    "CZ_DOT_Y_DOT km**2/s**2",
    "CZ_DOT_Z_DOT km**2/s**2",
)
COVARIANCE_NAMES = tuple(text.partition(" ")[0] for text in COVARIANCE)

_KEYWORDS = (
    *_section("header", VERSION_KEYWORD, "CLASSIFICATION", "CREATION_DATE", "ORIGINATOR", "MESSAGE_ID"),
    *_section("metadata", "OBJECT_NAME", "OBJECT_ID", "CENTER_NAME", "REF_FRAME", "REF_FRAME_EPOCH", "TIME_SYSTEM"),
    *_section("metadata", "MEAN_ELEMENT_THEORY"),
    *_section("meanElements", "EPOCH", "SEMI_MAJOR_AXIS km", "MEAN_MOTION rev/day", "ECCENTRICITY", "INCLINATION deg"),
    *_section("meanElements", "RA_OF_ASC_NODE deg", "ARG_OF_PERICENTER deg", "MEAN_ANOMALY deg", "GM km**3/s**2"),
    *_section("spacecraftParameters", "MASS kg", "SOLAR_RAD_AREA m**2", "SOLAR_RAD_COEFF", "DRAG_AREA m**2"),
    *_section("spacecraftParameters", "DRAG_COEFF"),
    *_section("tleParameters", "EPHEMERIS_TYPE", "CLASSIFICATION_TYPE", "NORAD_CAT_ID", "ELEMENT_SET_NO"),
    *_section("tleParameters", "REV_AT_EPOCH", "BSTAR 1/ER", "BTERM m**2/kg", "MEAN_MOTION_DOT rev/day**2"),
    *_section("tleParameters", "MEAN_MOTION_DDOT rev/day**3", "AGOM m**2/kg"),
    *_section("covarianceMatrix", "COV_REF_FRAME", *COVARIANCE),
)
KEYWORDS = {keyword.name: keyword for keyword in _KEYWORDS}
ORDER = {name: index for index, name in enumerate(KEYWORDS)}

# Validated as numbers although the hub keeps no column for them: a message that is wrong here is wrong.
OTHER_NUMBERS = ("GM", "MASS", "SOLAR_RAD_AREA", "SOLAR_RAD_COEFF", "DRAG_AREA", "DRAG_COEFF", *COVARIANCE_NAMES)

# Keys of flat messages that follow from the elements or describe the object or the file, and are passed over.
FLAT_EXTRAS = frozenset(
    {
        "COMMENT",
        "SEMIMAJOR_AXIS",
        "PERIOD",
        "APOAPSIS",
        "PERIAPSIS",
        "OBJECT_TYPE",
        "RCS_SIZE",
        "COUNTRY_CODE",
        "LAUNCH_DATE",
        "SITE",
        "DECAY_DATE",
        "FILE",
        "GP_ID",
        "TLE_LINE0",
        "TLE_LINE1",
        "TLE_LINE2",
        "RMS",
        "DATA_SOURCE",
    }
)
FLAT_KEYS = frozenset(KEYWORDS) | FLAT_EXTRAS

# The 17 keys of CelesTrak's flat messages, in its order; python-sgp4 needs every one of them.
CELESTRAK_KEYS = (
    "OBJECT_NAME",
    "OBJECT_ID",
    "EPOCH",
    "MEAN_MOTION",
    "ECCENTRICITY",
    "INCLINATION",
    "RA_OF_ASC_NODE",
    "ARG_OF_PERICENTER",
    "MEAN_ANOMALY",
    "EPHEMERIS_TYPE",
    "CLASSIFICATION_TYPE",
    "NORAD_CAT_ID",
    "ELEMENT_SET_NO",
    "REV_AT_EPOCH",
    "BSTAR",
    "MEAN_MOTION_DOT",
    "MEAN_MOTION_DDOT",
)

# What may be there and empty; any other keyword with nothing behind it is refused.
MAY_BE_EMPTY = frozenset({"CREATION_DATE", "ORIGINATOR", "MESSAGE_ID", "CLASSIFICATION", "OBJECT_NAME", "OBJECT_ID"})


def is_known(name: str) -> bool:
    """True for a keyword of the OMM, user-defined ones included."""
    return name in KEYWORDS or (name.startswith(USER_DEFINED_PREFIX) and len(name) > len(USER_DEFINED_PREFIX))


def units_agree(name: str, units: str) -> bool:
    """True where the units are the table's (``REV/DAY`` is the other form that the XML schema has)."""
    stated = KEYWORDS[name].units if name in KEYWORDS else None
    return stated is not None and units in (stated, stated.upper())
