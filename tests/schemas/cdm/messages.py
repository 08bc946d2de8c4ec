"""Conjunction messages of our own, written out for the tests; their geometry is exact by construction.

Object 1 stands on the x axis and moves along z, so its R, T, N are x, z, -y. Object 2 is (100, 140, 170) m from it in
those axes and moves by (0, -8500, 7000) m/s against it, square to the offset: 241.867732 m and 11,011.358 m/s.
"""

import os
from collections.abc import Iterable
from pathlib import Path

SHARED = Path(os.environ.get("SSA_HUB_TEST_DATA", Path(__file__).parents[4] / "shared" / "data"))
SHARED_ABSENT = "/work/shared/data is absent"

AXES = ("R", "T", "N", "RDOT", "TDOT", "NDOT")
TERMS = [f"C{row}_{column}" for index, row in enumerate(AXES) for column in AXES[: index + 1]]
_UNITS = {0: "m**2", 1: "m**2/s", 2: "m**2/s**2"}
# Variances 4, 400, 9 m**2 and 0.04, 0.0001, 0.0025 m**2/s**2, one correlation between R and TDOT.
_VARIANCES = {
    "CR_R": "4.0000",
    "CT_T": "400.0000",
    "CN_N": "9.00",
    "CRDOT_RDOT": "0.0400",
    "CTDOT_TDOT": "0.000100",
} | {
    "CNDOT_NDOT": "0.002500",
    "CTDOT_R": "-0.01000",
}

Line = tuple[str, str, str]

HEADER: list[Line] = [
    ("COMMENT", "Made for a test", ""),
    ("CREATION_DATE", "2026-03-04T05:06:07.250", ""),
    ("ORIGINATOR", "TEST CENTRE", ""),
    ("MESSAGE_FOR", "PRIMARY-1", ""),
    ("MESSAGE_ID", "TEST_0001", ""),
]
RELATIVE: list[Line] = [
    ("COMMENT", "HBR = 12.5 [m]", ""),
    ("TCA", "2026-03-07T08:09:10.123", ""),
    ("MISS_DISTANCE", "241.9", "m"),
    ("RELATIVE_SPEED", "11011.4", "m/s"),
    ("RELATIVE_POSITION_R", "100.0", "m"),
    ("RELATIVE_POSITION_T", "140.0", "m"),
    ("RELATIVE_POSITION_N", "170.0", "m"),
    ("RELATIVE_VELOCITY_R", "0.0", "m/s"),
    ("RELATIVE_VELOCITY_T", "-8500.0", "m/s"),
    ("RELATIVE_VELOCITY_N", "7000.0", "m/s"),
    ("START_SCREEN_PERIOD", "2026-03-04T00:00:00", ""),
    ("STOP_SCREEN_PERIOD", "2026-03-11T00:00:00", ""),
    ("SCREEN_VOLUME_FRAME", "RTN", ""),
    ("SCREEN_VOLUME_SHAPE", "BOX", ""),
    ("SCREEN_VOLUME_X", "2000", "m"),
    ("SCREEN_VOLUME_Y", "25000", "m"),
    ("SCREEN_VOLUME_Z", "25000", "m"),
    ("COLLISION_PROBABILITY", "1.25E-05", ""),
    ("COLLISION_PROBABILITY_METHOD", "FOSTER-1992", ""),
]
_POSITIONS = (("7000.000000", "0.000000", "0.000000"), ("7000.100000", "-0.170000", "0.140000"))
_VELOCITIES = (("0.000000000", "0.000000000", "7.500000000"), ("0.000000000", "-7.000000000", "-1.000000000"))
# The same encounter Earth-fixed: less omega x r, with omega = 7.292115146706979e-5 rad/s.
_VELOCITIES_ITRF = (("0.000000000", "-0.510448060", "7.500000000"), ("-0.000012397", "-7.510455352", "-1.000000000"))


def object_lines(number: int, frame: str = "GCRF", *, earth_fixed: bool | None = None) -> list[Line]:
    """Metadata and data of one object; states Earth-fixed where the frame is ITRF, or as ``earth_fixed`` says."""
    fixed = frame == "ITRF" if earth_fixed is None else earth_fixed
    position, velocity = _POSITIONS[number - 1], (_VELOCITIES_ITRF if fixed else _VELOCITIES)[number - 1]
    lines: list[Line] = [
        ("OBJECT", f"OBJECT{number}", ""),
        ("OBJECT_DESIGNATOR", f"9900{number}", ""),
        ("CATALOG_NAME", "SATCAT", ""),
        ("OBJECT_NAME", f"PRIMARY-{number}", ""),
        ("INTERNATIONAL_DESIGNATOR", f"2025-001{'AB'[number - 1]}", ""),
        ("OBJECT_TYPE", "ROCKET BODY", ""),
        ("EPHEMERIS_NAME", "NONE", ""),
        ("COVARIANCE_METHOD", "CALCULATED", ""),
        ("MANEUVERABLE", "N/A", ""),
        ("REF_FRAME", frame, ""),
        ("GRAVITY_MODEL", "EGM-96: 36D 36O", ""),
        ("COMMENT", f"Exclusion Volume Radius = {number}.500000 [m]", ""),
        ("TIME_LASTOB_START", "2026-03-03T01:00:00.000", ""),
        ("TIME_LASTOB_END", "2026-03-04T01:00:00.000", ""),
        ("RECOMMENDED_OD_SPAN", "4.25", "d"),
        ("OBS_USED", "123", ""),
        ("RESIDUALS_ACCEPTED", "99.5", "%"),
        ("MASS", "250", "kg"),
        ("CD_AREA_OVER_MASS", "0.0125", "m**2/kg"),
        ("SEDR", "0.00071", "W/kg"),
    ]
    lines += [(name, text, "km") for name, text in zip(("X", "Y", "Z"), position, strict=True)]
    lines += [(name, text, "km/s") for name, text in zip(("X_DOT", "Y_DOT", "Z_DOT"), velocity, strict=True)]
    lines += [(term, _VARIANCES.get(term, "0"), _UNITS[term.count("DOT")]) for term in TERMS]
    return lines


def changed(lines: Iterable[Line], **texts: str | None) -> list[Line]:
    """The lines with other texts by keyword, None to leave a line out; each keyword must stand there."""
    lines = list(lines)
    unknown = set(texts) - {keyword for keyword, _, _ in lines}
    assert not unknown, unknown
    new = [(keyword, texts.get(keyword, text), units) for keyword, text, units in lines]
    return [(keyword, text, units) for keyword, text, units in new if text is not None]


def kvn(
    header: Iterable[Line] = HEADER,
    relative: Iterable[Line] = RELATIVE,
    first: Iterable[Line] | None = None,
    second: Iterable[Line] | None = None,
    version: str = "1.0",
) -> bytes:
    """A message in KVN."""
    objects = (object_lines(1) if first is None else first, object_lines(2) if second is None else second)
    lines = [("CCSDS_CDM_VERS", version, ""), *header, *relative, *objects[0], *objects[1]]
    return "".join(map(_kvn_line, lines)).encode("ascii")


def _kvn_line(line: Line) -> str:
    keyword, text, units = line
    if keyword == "COMMENT":
        return f"COMMENT {text}\n"
    return f"{keyword:<30} = {text}{f' [{units}]' if units else ''}\n"


def flat_json_members(version: str = "1.0") -> dict[str, str | None]:
    """The message as Space-Track's flat JSON has it."""
    members: dict[str, str | None] = {"CDM_ID": "424242", "FILENAME": "test.xml", "GID": "7"}
    members["CCSDS_CDM_VERS"] = version
    for prefix, lines in (("", [*HEADER, *RELATIVE]), ("SAT1_", object_lines(1)), ("SAT2_", object_lines(2))):
        for keyword, text, units in lines:
            if keyword == "COMMENT":
                continue
            members[f"{prefix}{keyword}"] = text
            if units:
                members[f"{prefix}{keyword}_UNIT"] = units
    members["SAT1_COMMENT_EXCLUSION_VOLUME_RADIUS"] = "Exclusion Volume Radius = 1.500000 [m]"
    return members
