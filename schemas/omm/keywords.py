"""What the flat messages of Space-Track and CelesTrak have beside the table of the OMM (`schemas.ccsds.table`).

Their keys as seen in 2026. CCSDS defines no JSON and no CSV; the keys of its own table keep their meaning there.
"""

from functools import cache

from schemas.ccsds.table import Keyword, MessageKind, message_kind

VERSION_KEYWORD = "CCSDS_OMM_VERS"

# The 17 keys of CelesTrak's flat messages, in its order; python-sgp4 needs every one of them.
CELESTRAK_KEYS = (
    *("OBJECT_NAME", "OBJECT_ID", "EPOCH", "MEAN_MOTION", "ECCENTRICITY", "INCLINATION", "RA_OF_ASC_NODE"),
    *("ARG_OF_PERICENTER", "MEAN_ANOMALY", "EPHEMERIS_TYPE", "CLASSIFICATION_TYPE", "NORAD_CAT_ID"),
    *("ELEMENT_SET_NO", "REV_AT_EPOCH", "BSTAR", "MEAN_MOTION_DOT", "MEAN_MOTION_DDOT"),
)

# What Space-Track derives from the elements, and what it says of the object and of the file
SPACE_TRACK_DERIVED = ("SEMIMAJOR_AXIS", "PERIOD", "APOAPSIS", "PERIAPSIS")
SPACE_TRACK_CATALOGUE = (
    "OBJECT_TYPE",
    "RCS_SIZE",
    "COUNTRY_CODE",
    "LAUNCH_DATE",
    "SITE",
    "DECAY_DATE",
    "FILE",
    "GP_ID",
)
SPACE_TRACK_LINES = ("TLE_LINE0", "TLE_LINE1", "TLE_LINE2")

# The 40 keys of Space-Track's flat messages, in its order
SPACE_TRACK_KEYS = (
    *(VERSION_KEYWORD, "COMMENT", "CREATION_DATE", "ORIGINATOR", "OBJECT_NAME", "OBJECT_ID", "CENTER_NAME"),
    *("REF_FRAME", "TIME_SYSTEM", "MEAN_ELEMENT_THEORY"),
    *CELESTRAK_KEYS[2:],
    *SPACE_TRACK_DERIVED,
    *SPACE_TRACK_CATALOGUE,
    *SPACE_TRACK_LINES,
)

# CelesTrak's SupGP adds these two.
FLAT_EXTRAS = frozenset({"COMMENT", "RMS", "DATA_SOURCE", *SPACE_TRACK_KEYS[25:]})


def omm() -> MessageKind:
    """The table of the OMM."""
    return message_kind("OMM")


@cache
def omm_keywords() -> dict[str, Keyword]:
    """The keywords of the OMM's blocks by name, in the standard's order; user-defined ones are not listed."""
    return {keyword.keyword: keyword for block in omm().blocks for keyword in block.keywords}


@cache
def flat_keys() -> frozenset[str]:
    """The keys that a flat message may have."""
    return frozenset({VERSION_KEYWORD, *omm_keywords(), *FLAT_EXTRAS})


@cache
def covariance_keywords() -> tuple[str, ...]:
    """The 21 terms of the covariance."""
    return tuple(name for name, keyword in omm_keywords().items() if keyword.all_or_none == "covariance")


@cache
def clause_of(keyword: str) -> str:
    """The table of the standard that a keyword stands in."""
    return next((block.clause for block in omm().blocks if keyword in block.by_name), omm().blocks[0].clause)
