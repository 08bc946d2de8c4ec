"""Valid messages of every kind, written by hand for these tests, and what turns them into trees and into XML.

``== block segment`` begins a block. What stands in brackets is units. ``> text`` is a data line.
"""

from dataclasses import dataclass, replace
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import pyarrow as pa

from schemas.ccsds.table import message_kind
from schemas.ccsds.tree import Block, Item, Lines, Message, Run

_TERMS = (
    *("CX_X", "CY_X", "CY_Y", "CZ_X", "CZ_Y", "CZ_Z", "CX_DOT_X", "CX_DOT_Y", "CX_DOT_Z", "CX_DOT_X_DOT"),
    *("CY_DOT_X", "CY_DOT_Y", "CY_DOT_Z", "CY_DOT_X_DOT", "CY_DOT_Y_DOT"),
    *("CZ_DOT_X", "CZ_DOT_Y", "CZ_DOT_Z", "CZ_DOT_X_DOT", "CZ_DOT_Y_DOT", "CZ_DOT_Z_DOT"),
)
_XYZ = "\n".join(f"{term} = {0.5 + row}e-6" for row, term in enumerate(_TERMS))

OMM = f"""
== header 0
COMMENT made for a test
CLASSIFICATION = unclassified, Public
CREATION_DATE = 2026-11-06T09:23:57
ORIGINATOR = NOAA
MESSAGE_ID = OMM 7
== metadata 1
OBJECT_NAME = GOES 9
OBJECT_ID = 1995-025A
CENTER_NAME = EARTH
REF_FRAME = TEME
TIME_SYSTEM = UTC
MEAN_ELEMENT_THEORY = SGP4
== meanElements 1
EPOCH = 2026-064T10:34:41.4264
MEAN_MOTION = 1.00273272 [rev/day]
ECCENTRICITY = 0.0005013
INCLINATION = 3.0539 [deg]
RA_OF_ASC_NODE = 81.7939 [deg]
ARG_OF_PERICENTER = 249.2363 [deg]
MEAN_ANOMALY = 150.1602 [deg]
GM = 398600.8 [km**3/s**2]
== spacecraftParameters 1
MASS = 300 [kg]
SOLAR_RAD_AREA = 5.0 [m**2]
SOLAR_RAD_COEFF = 0.001
DRAG_AREA = 4.0 [m**2]
DRAG_COEFF = 0.002
== tleParameters 1
COMMENT of the two-line form
EPHEMERIS_TYPE = 0
CLASSIFICATION_TYPE = U
NORAD_CAT_ID = 23581
ELEMENT_SET_NO = 0925
REV_AT_EPOCH = 4316
BSTAR = 0.0001 [1/ER]
MEAN_MOTION_DOT = -0.00000113 [rev/day**2]
MEAN_MOTION_DDOT = 0.0 [rev/day**3]
== covarianceMatrix 1
COV_REF_FRAME = RTN
{_XYZ}
== userDefinedParameters 1
USER_DEFINED_EARTH_MODEL = WGS-84
"""

_OEM_SEGMENT = """== metadata {0}
COMMENT segment {0}
OBJECT_NAME = MARS GLOBAL SURVEYOR
OBJECT_ID = 1996-062A
CENTER_NAME = MARS BARYCENTER
REF_FRAME = EME2000
REF_FRAME_EPOCH = 2000-01-01T12:00:00
TIME_SYSTEM = TT
START_TIME = 2026-12-18T12:00:00.331
USEABLE_START_TIME = 2026-12-18T12:10:00.331
USEABLE_STOP_TIME = 2026-12-28T21:23:00.331
STOP_TIME = 2026-12-28T21:28:00.331
INTERPOLATION = HERMITE
INTERPOLATION_DEGREE = 7
== data {0}
COMMENT of the data section
== stateVector {0}
> 2026-12-18T12:00:00.331 2789.619 -280.045 -1746.755 4.73372 -2.49586 -1.04195
== covarianceMatrix {0}
EPOCH = 2026-12-18T12:00:00
COV_REF_FRAME = EME2000
"""
_OEM_HEADER = """
== header 0
CLASSIFICATION = none
CREATION_DATE = 2026-11-04T17:22:31
ORIGINATOR = NASA/JPL
MESSAGE_ID = OEM 201113719185
"""
OEM_KVN = _OEM_HEADER + "".join(_OEM_SEGMENT.format(segment) + "> 3.3e-04\n" for segment in (1, 2))
OEM_XML = _OEM_HEADER + "".join(_OEM_SEGMENT.format(segment) + _XYZ + "\n" for segment in (1, 2))

_RTN = (
    *("R_R", "T_R", "T_T", "N_R", "N_T", "N_N", "RDOT_R", "RDOT_T", "RDOT_N", "RDOT_RDOT"),
    *("TDOT_R", "TDOT_T", "TDOT_N", "TDOT_RDOT", "TDOT_TDOT"),
    *("NDOT_R", "NDOT_T", "NDOT_N", "NDOT_RDOT", "NDOT_TDOT", "NDOT_NDOT"),
)
_RTN_UNITS = ("m**2", "m**2/s", "m**2/s**2")
_RTN_TERMS = "\n".join(f"C{term} = {row}.25 [{_RTN_UNITS[term.count('DOT')]}]" for row, term in enumerate(_RTN))
_CDM_SEGMENT = f"""== metadata {{0}}
OBJECT = OBJECT{{0}}
OBJECT_DESIGNATOR = 1234{{0}}
CATALOG_NAME = SATCAT
OBJECT_NAME = SATELLITE {{0}}
INTERNATIONAL_DESIGNATOR = 1997-030E
OBJECT_TYPE = ROCKET BODY
OPERATOR_CONTACT_POSITION = OSA
OPERATOR_ORGANIZATION = Intelsat
OPERATOR_PHONE = +49 615 130 312
OPERATOR_EMAIL = somebody@somewhere.net
EPHEMERIS_NAME = NONE
COVARIANCE_METHOD = CALCULATED
MANEUVERABLE = N/A
ORBIT_CENTER = EARTH
REF_FRAME = EME2000
GRAVITY_MODEL = EGM-96: 36D 36O
ATMOSPHERIC_MODEL = JACCHIA 70 DCA
N_BODY_PERTURBATIONS = MOON, SUN
SOLAR_RAD_PRESSURE = NO
EARTH_TIDES = YES
INTRACK_THRUST = no
== data {{0}}
COMMENT of the data section
== odParameters {{0}}
TIME_LASTOB_START = 2026-03-12T02:14:12.746
TIME_LASTOB_END = 2026-03-12T02:14:12.746
RECOMMENDED_OD_SPAN = 7.88 [d]
ACTUAL_OD_SPAN = 5.50 [d]
OBS_AVAILABLE = 592
OBS_USED = 579
TRACKS_AVAILABLE = 123
TRACKS_USED = 119
RESIDUALS_ACCEPTED = 97.8 [%]
WEIGHTED_RMS = 0.864
== additionalParameters {{0}}
COMMENT Apogee Altitude = 779 [km]
AREA_PC = 5.2 [m**2]
AREA_DRG = 5.1 [m**2]
AREA_SRP = 5.0 [m**2]
MASS = 251.6 [kg]
CD_AREA_OVER_MASS = 0.045663 [m**2/kg]
CR_AREA_OVER_MASS = 0.000000 [m**2/kg]
THRUST_ACCELERATION = 0.0 [m/s**2]
SEDR = 4.54570E-05 [W/kg]
== stateVector {{0}}
X = 2570.097065 [km]
Y = 2244.654904 [km]
Z = 6281.497978 [km]
X_DOT = 4.418769571 [km/s]
Y_DOT = 4.833547743 [km/s]
Z_DOT = -3.526774282 [km/s]
== covarianceMatrix {{0}}
COMMENT in RTN
{_RTN_TERMS}
CDRG_R = 0 [m**3/kg]
CTHR_THR = 0 [m**2/s**4]
"""
CDM = """
== header 0
CREATION_DATE = 2026-03-12T22:31:12.000
ORIGINATOR = JSPOC
MESSAGE_FOR = SATELLITE A
MESSAGE_ID = 201113719185
== relativeMetadataData 0
TCA = 2026-03-13T22:37:52.618
MISS_DISTANCE = 715 [m]
RELATIVE_SPEED = 14762 [m/s]
RELATIVE_POSITION_R = 27.4 [m]
RELATIVE_POSITION_T = -70.2 [m]
RELATIVE_POSITION_N = 711.8 [m]
RELATIVE_VELOCITY_R = -7.2 [m/s]
RELATIVE_VELOCITY_T = -14692.0 [m/s]
RELATIVE_VELOCITY_N = -1437.2 [m/s]
START_SCREEN_PERIOD = 2026-03-12T18:29:32.212
STOP_SCREEN_PERIOD = 2026-03-15T18:29:32.212
SCREEN_VOLUME_FRAME = RTN
SCREEN_VOLUME_SHAPE = ellipsoid
SCREEN_VOLUME_X = 200 [m]
SCREEN_VOLUME_Y = 1000 [m]
SCREEN_VOLUME_Z = 1000 [m]
SCREEN_ENTRY_TIME = 2026-03-13T20:25:43.222
SCREEN_EXIT_TIME = 2026-03-13T23:44:29.324
COLLISION_PROBABILITY = 4.835E-05
COLLISION_PROBABILITY_METHOD = FOSTER-1992
""" + "".join(_CDM_SEGMENT.format(segment) for segment in (1, 2))

OCM = """
== header 0
CREATION_DATE = 2026-11-06T09:23:57
ORIGINATOR = JAXA
== metadata 1
OBJECT_NAME = OSPREY 5
INTERNATIONAL_DESIGNATOR = 2022-999A
TIME_SYSTEM = UTC
EPOCH_TZERO = 2026-12-18T00:00:00.0000
START_TIME = 0.0
TIME_SPAN = 1.5 [d]
TAIMUTC_AT_TZERO = 37 [s]
NEXT_LEAP_EPOCH = 2016-12-31T23:59:60
== traj 1
TRAJ_BASIS = PREDICTED
INTERPOLATION = LAGRANGE
INTERPOLATION_DEGREE = 5
CENTER_NAME = EARTH
TRAJ_REF_FRAME = EFG
USEABLE_START_TIME = 10.5
ORB_REVNUM = 1.5
ORB_REVNUM_BASIS = 1
TRAJ_TYPE = CARTPV
TRAJ_UNITS = [km, km, km, km/s, km/s, km/s]
> 2026-12-18T14:28:25.1172 2854.533 -2916.187 -5360.774 5.688 4.652 0.520
== phys 1
DRAG_COEFF_NOM = 2.2
WET_MASS = 100.0 [kg]
OEB_Q1 = 0.03123
REFLECTANCE = 0.7
== cov 1
COV_REF_FRAME = TNW_INERTIAL
COV_TYPE = CARTP
COV_ORDERING = LTM
> 0.0 1.0 0.0 1.0 0.0 0.0 1.0
== man 1
MAN_ID = E_W_20160305B
MAN_DEVICE_ID = THR_01
MAN_REF_FRAME = RSW_ROTATING
DC_TYPE = TIME
DC_WIN_OPEN = 500.0
DC_REF_DIR = 0.0 0.5 -1.0
MAN_COMPOSITION = TIME_RELATIVE, MAN_DURA
> 500.0 100.0
== pert 1
GM = 398600.4415 [km**3/s**2]
FIXED_F10P7 = 105.0 [SFU]
== od 1
OD_ID = OD 10059
OD_METHOD = SF: ODTK
OD_EPOCH = -10000.5
OBS_USED = 273
SEDR = 0.05 [W/kg]
== user 1
USER_DEFINED_EARTH_MODEL = WGS-84
"""


@dataclass(frozen=True)
class Sample:
    """A hand-made message of one kind in one encoding."""

    name: str
    kind: str
    encoding: str
    version: str
    text: str

    def message(self) -> Message:
        """Its tree, a new one each time."""
        return tree(self.kind, self.version, self.text, self.encoding)


SAMPLES = [
    Sample("omm kvn", "OMM", "kvn", "3.0", OMM),
    Sample("omm xml", "OMM", "xml", "3.0", OMM),
    Sample("oem kvn", "OEM", "kvn", "3.0", OEM_KVN),
    Sample("oem xml", "OEM", "xml", "3.0", OEM_XML),
    Sample("cdm kvn", "CDM", "kvn", "1.0", CDM),
    Sample("cdm xml", "CDM", "xml", "1.0", CDM.replace("CDRG_R = 0", "CDRG_R = 1")),
    Sample("ocm kvn", "OCM", "kvn", "3.0", OCM),
    Sample("ocm xml", "OCM", "xml", "3.0", OCM),
]


def tree(kind_name: str, version: str, text: str, encoding: str) -> Message:
    """The message that the text states; lines are counted from the text's first."""
    kind = message_kind(kind_name)
    message = Message(kind=kind, version=version, record=1, line=1, start=0, stop=len(text))
    for number, line in enumerate(text.split("\n"), start=1):
        if line.startswith("== "):
            _, name, segment = line.split()
            message.blocks.append(Block(kind=kind.by_name[name], segment=int(segment), line=number))
        elif line.startswith("> "):
            message.blocks[-1].rows.append(_row(message.blocks[-1], line[2:], number, encoding))
        elif line:
            message.blocks[-1].items.append(_item(line, number))
    return message


def _item(line: str, number: int) -> Item:
    if line.startswith("COMMENT"):
        return Item("COMMENT", line[8:], line=number)
    keyword, _, value = line.partition(" = ")
    text, bracket, units = value.partition(" [")
    return Item(keyword, text, units.rstrip("]") if bracket else "", number)


def _row(block: Block, line: str, number: int, encoding: str) -> Lines | Run:
    if encoding == "kvn":
        return Lines(0, len(line), number)
    names: tuple[str, ...] = (block.kind.rows,)
    texts = [line]
    if block.kind.rows == block.kind.name:
        texts = line.split()
        names = tuple(keyword.keyword for keyword in block.kind.keywords)[: len(texts)]
    return Run(names, tuple(pa.array([text]) for text in texts), np.array([number], np.int64))


def changed(message: Message, block: int, items: list[Item]) -> Message:
    """The message with other items in one of its blocks, renumbered so that lines tell the place."""
    message.blocks[block] = replace(message.blocks[block], items=[i._replace(line=0) for i in items])
    return message


def xml_of(message: Message) -> str:
    """The message as XML, its items in the order in which they stand, right or wrong."""
    header, body = "", ""
    segments: dict[int, dict[str, str]] = {}
    for block in message.blocks:
        inner = _with_group(block) + "".join(_rows_element(rows) for rows in block.rows)
        text = inner if block.kind.name == "data" else f"<{block.kind.name}>{inner}</{block.kind.name}>"
        if block.kind.place == "header":
            header += text
        elif block.kind.place == "body":
            body += text
        else:
            parts = segments.setdefault(block.segment, {"metadata": "", "data": ""})
            parts[block.kind.place] += text
    for _, parts in sorted(segments.items()):
        body += f"<segment>{parts['metadata']}<data>{parts['data']}</data></segment>"
    attributes = f'id="{message.kind.version_keyword}" version={quoteattr(message.version)}'
    return f"<{message.kind.root} {attributes}>{header}<body>{body}</body></{message.kind.root}>"


def _rows_element(rows: Lines | Run) -> str:
    assert isinstance(rows, Run)
    texts = zip(rows.keywords, rows.columns, strict=True)
    return "".join(f"<{name}>{escape(column[0].as_py())}</{name}>" for name, column in texts)


def _element(item: Item) -> str:
    units = f" units={quoteattr(item.units)}" if item.units else ""
    name = item.keyword
    if name.startswith("USER_DEFINED_"):
        name, units = "USER_DEFINED", f" parameter={quoteattr(name[13:])}"
    return f"<{name}{units}>{escape(item.text)}</{name}>"


def _with_group(block: Block) -> str:
    """The relative state stands in an element of its own, opened and closed where its keywords begin and end."""
    text, inside = "", False
    for item in block.items:
        keyword = block.kind.by_name.get(item.keyword)
        grouped = keyword is not None and bool(keyword.xml_group)
        if grouped != inside:
            text += "<relativeStateVector>" if grouped else "</relativeStateVector>"
        inside = grouped
        text += _element(item)
    return text + ("</relativeStateVector>" if inside else "")
