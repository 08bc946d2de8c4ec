"""From keywords and their texts to one element set: the one validation that all encodings of the OMM share."""

from collections.abc import Mapping, Sequence

from schemas.cospar import cospar_id_of_tle, is_cospar_id
from schemas.element_rows import ElementRow
from schemas.object_names import name_deviations, object_name_of
from schemas.omm.keywords import (
    CLAUSE_DATA,
    CLAUSE_HEADER,
    CLAUSE_METADATA,
    COVARIANCE_NAMES,
    MAY_BE_EMPTY,
    OTHER_NUMBERS,
    VERSION_KEYWORD,
    VERSIONS,
)
from schemas.omm.numbers import has_bare_point, integer_of, number_of
from schemas.refusals import RecordRefusedError
from schemas.timescales import parse_utc

_TEXT_LENGTH_MAX = 1_000
_INSTANT_LENGTH_MAX = 64
_CLAUSE_INSTANT = "CCSDS 502.0-B-3, 7.5.10"
_CATALOGUE_NUMBER_MAX = 999_999_999
_REVOLUTION_MAX = 2**31 - 1  # integers of the standard have 32 bits
_EARTH_IN_TEME = (("CENTER_NAME", "EARTH"), ("REF_FRAME", "TEME"), ("TIME_SYSTEM", "UTC"))
_OTHER_NUMBERS = frozenset(OTHER_NUMBERS)

# MEAN_ELEMENT_THEORY -> (the hub's name for it, the deviation that it is)
_THEORIES = {
    "SGP4": ("SGP4", None),
    "SGP/SGP4": ("SGP4", "theory-sgp/sgp4"),
    "SDP4": ("SGP4", "theory-sdp4"),
    "SGP4-XP": ("SGP4-XP", None),
}


class _Texts:
    """The keywords of one message with their texts, and the deviations noticed so far."""

    def __init__(self, texts: Mapping[str, str], noticed: Sequence[str]) -> None:
        self.texts = texts
        self.deviations = list(noticed)

    def notice(self, deviation: str) -> None:
        if deviation not in self.deviations:
            self.deviations.append(deviation)

    def demand(self, keyword: str, clause: str = CLAUSE_DATA) -> str:
        text = self.texts.get(keyword)
        if text is None:
            raise RecordRefusedError(keyword, "", "this keyword must be there", clause)
        return text

    def number(self, keyword: str) -> float:
        return self.number_in(keyword, self.demand(keyword))

    def number_in(self, keyword: str, text: str) -> float:
        value = number_of(keyword, text)
        if has_bare_point(text):
            self.notice("leading-dot-decimal" if not text.partition(".")[0].strip("+-") else "trailing-dot-decimal")
        return value

    def angle(self, keyword: str) -> float:
        """-360 to less than 360 deg as in the XML schema; 360 itself is 0."""
        value = self.number(keyword)
        if value == 360.0:
            self.notice("angle-360")
            return 0.0
        if not -360.0 <= value < 360.0:
            raise RecordRefusedError(keyword, self.texts[keyword], "-360 to less than 360 deg", CLAUSE_DATA)
        return value

    def optional_integer(self, keyword: str, high: int) -> int | None:
        text = self.texts.get(keyword)
        return None if text is None else integer_of(keyword, text, 0, high)


def element_row(texts: Mapping[str, str], record: int, *, flat: bool, noticed: Sequence[str] = ()) -> ElementRow:
    """The element set that a message states. ``texts`` holds known keywords only, blanks around texts removed.

    ``flat``: JSON or CSV, which need no header, leave out what is EARTH, TEME, UTC and SGP4, and have empty text where
    a value is not known. ``noticed`` are deviations that the encoding's reader accepted. Raises RecordRefusedError,
    naming keyword, text and rule.

    MEAN_MOTION_DOT and MEAN_MOTION_DDOT carry the values of the TLE's fields (halved, divided by six) in everything
    that Space-Track and CelesTrak publish, so nothing is divided here.
    """
    if flat:
        texts = {keyword: text for keyword, text in texts.items() if text or keyword in ("OBJECT_NAME", "OBJECT_ID")}
    else:
        _refuse_empty(texts)
    message = _Texts(texts, noticed)
    creation_date, originator = _header(message, flat)
    name, cospar_id = _object(message)
    _frame(message, flat)
    ephemeris_type, theory = _theory(message, flat)
    mean_motion, eccentricity, inclination = _size_and_shape(message)
    epoch_tai_ns = _instant("EPOCH", message.demand("EPOCH"))
    drag, second_derivative = _drag_terms(message, theory)
    _others(message)
    return ElementRow(
        catalogue_number=integer_of("NORAD_CAT_ID", message.demand("NORAD_CAT_ID"), 1, _CATALOGUE_NUMBER_MAX),
        object_name=name,
        cospar_id=cospar_id,
        epoch_tai_ns=epoch_tai_ns,
        mean_motion_rev_per_day=mean_motion,
        eccentricity=eccentricity,
        inclination_deg=inclination,
        ra_of_asc_node_deg=message.angle("RA_OF_ASC_NODE"),
        arg_of_pericenter_deg=message.angle("ARG_OF_PERICENTER"),
        mean_anomaly_deg=message.angle("MEAN_ANOMALY"),
        bstar_per_earth_radius=drag,
        mean_motion_dot_rev_per_day2=_or_zero(message, "MEAN_MOTION_DOT"),
        mean_motion_ddot_rev_per_day3=second_derivative,
        ephemeris_type=ephemeris_type,
        classification_type=_classification_type(message),
        element_set_number=message.optional_integer("ELEMENT_SET_NO", 9_999),
        revolution_at_epoch=message.optional_integer("REV_AT_EPOCH", _REVOLUTION_MAX),
        mean_element_theory=theory,
        message_originator=originator,
        creation_date_utc=creation_date,
        deviations=message.deviations,
        payload_record=record,
    )


def _refuse_empty(texts: Mapping[str, str]) -> None:
    for keyword, text in texts.items():
        if not text and keyword not in MAY_BE_EMPTY and keyword != "CLASSIFICATION_TYPE":
            raise RecordRefusedError(keyword, "", "a value must stand behind this keyword")


def _header(message: _Texts, flat: bool) -> tuple[str | None, str | None]:
    """(creation date, originator); both are missing or empty in much real data."""
    version = message.texts.get(VERSION_KEYWORD)
    if version not in VERSIONS and not (flat and version is None):
        raise RecordRefusedError(VERSION_KEYWORD, version or "", f"one of {', '.join(VERSIONS)}", CLAUSE_HEADER)
    for keyword, name in (("CREATION_DATE", "creation-date"), ("ORIGINATOR", "originator")):
        if message.texts.get(keyword) == "":
            message.notice(f"empty-{name}")
        elif keyword not in message.texts and not flat:
            message.notice(f"missing-{name}")
    creation_date = message.texts.get("CREATION_DATE") or None
    if creation_date is not None:
        _instant("CREATION_DATE", creation_date)
    if marking := message.texts.get("CLASSIFICATION"):
        # The hub labels records by their source. Who compares the two must be able to see what the message said.
        message.notice(f"header-classification: {_plain_text('CLASSIFICATION', marking)[:100]}")
    originator = message.texts.get("ORIGINATOR") or None
    return creation_date, None if originator is None else _plain_text("ORIGINATOR", originator)


def _object(message: _Texts) -> tuple[str | None, str | None]:
    """(name, COSPAR id)."""
    for keyword, deviation in (("OBJECT_NAME", "object-name"), ("OBJECT_ID", "object-id")):
        if not message.texts.get(keyword):
            message.notice(f"{'empty' if keyword in message.texts else 'missing'}-{deviation}")
    name = object_name_of(message.texts.get("OBJECT_NAME", ""))
    for deviation in name_deviations(name):
        message.notice(deviation)
    identifier = message.texts.get("OBJECT_ID", "")
    if not identifier or is_cospar_id(identifier):
        return name, identifier or None
    _plain_text("OBJECT_ID", identifier)
    cospar_id = cospar_id_of_tle(identifier)
    message.notice("object-id-not-cospar" if cospar_id is None else "object-id-tle-form")
    return name, cospar_id


def _frame(message: _Texts, flat: bool) -> None:
    for keyword, wanted in _EARTH_IN_TEME:
        text = message.texts.get(keyword, wanted) if flat else message.demand(keyword, CLAUSE_METADATA)
        if text.upper() != wanted:
            raise RecordRefusedError(keyword, text, f"SGP4 elements are of {wanted}", CLAUSE_METADATA)
    epoch = message.texts.get("REF_FRAME_EPOCH")
    if epoch is not None:
        raise RecordRefusedError("REF_FRAME_EPOCH", epoch, "TEME is of the elements' epoch, no other", CLAUSE_METADATA)


def _theory(message: _Texts, flat: bool) -> tuple[int, str]:
    """(ephemeris type, theory); SGP4-XP wins where the two disagree, because it is never propagated."""
    stated = message.texts.get("MEAN_ELEMENT_THEORY", "SGP4") if flat else message.demand("MEAN_ELEMENT_THEORY")
    if stated.upper() not in _THEORIES:
        rule = "SGP4 (also written SGP/SGP4, SDP4) or SGP4-XP"
        raise RecordRefusedError("MEAN_ELEMENT_THEORY", stated, rule, CLAUSE_METADATA)
    theory, deviation = _THEORIES[stated.upper()]
    if deviation is not None:
        message.notice(deviation)
    text = message.texts.get("EPHEMERIS_TYPE")
    ephemeris_type = (4 if theory == "SGP4-XP" else 0) if text is None else integer_of("EPHEMERIS_TYPE", text, 0, 99)
    if ephemeris_type not in (0, 2, 4):
        raise RecordRefusedError("EPHEMERIS_TYPE", text or "", "0 or 2 (SGP4), or 4 (SGP4-XP)", CLAUSE_DATA)
    if (theory == "SGP4-XP") != (ephemeris_type == 4):
        if "MEAN_ELEMENT_THEORY" in message.texts:
            message.notice("theory-and-ephemeris-type-disagree")
        return 4, "SGP4-XP"
    return ephemeris_type, theory


def _size_and_shape(message: _Texts) -> tuple[float, float, float]:
    """(mean motion, eccentricity, inclination)."""
    if "SEMI_MAJOR_AXIS" in message.texts:
        rule = "SGP4 elements state MEAN_MOTION, not SEMI_MAJOR_AXIS"
        raise RecordRefusedError("SEMI_MAJOR_AXIS", message.texts["SEMI_MAJOR_AXIS"], rule, CLAUSE_DATA)
    mean_motion = message.number("MEAN_MOTION")
    if mean_motion <= 0.0:
        raise RecordRefusedError("MEAN_MOTION", message.texts["MEAN_MOTION"], "greater than 0 rev/day")
    eccentricity = message.number("ECCENTRICITY")
    if not 0.0 <= eccentricity < 1.0:
        raise RecordRefusedError("ECCENTRICITY", message.texts["ECCENTRICITY"], "0 to less than 1")
    inclination = message.number("INCLINATION")
    if not 0.0 <= inclination <= 180.0:
        raise RecordRefusedError("INCLINATION", message.texts["INCLINATION"], "0 to 180 deg")
    return mean_motion, eccentricity, inclination


def _drag_terms(message: _Texts, theory: str) -> tuple[float, float]:
    """(BSTAR and MEAN_MOTION_DDOT) of SGP4, (BTERM and AGOM) of SGP4-XP.

    Flat messages have no keys for the latter two, so there the SGP4 keys carry them.
    """
    values = []
    for sgp4, xp in (("BSTAR", "BTERM"), ("MEAN_MOTION_DDOT", "AGOM")):
        if xp not in message.texts:
            values.append(message.number(sgp4) if sgp4 == "BSTAR" else _or_zero(message, sgp4))
            if theory == "SGP4-XP" and sgp4 in message.texts:
                message.notice(f"{xp.lower()}-in-{sgp4.lower().replace('_', '-')}")
        elif theory != "SGP4-XP" or sgp4 in message.texts:
            rule = f"{xp} belongs to SGP4-XP alone, in place of {sgp4}"
            raise RecordRefusedError(xp, message.texts[xp], rule, CLAUSE_DATA)
        else:
            values.append(message.number(xp))
    return values[0], values[1]


def _or_zero(message: _Texts, keyword: str) -> float:
    """A derivative of the mean motion, which SGP4 does not use: where it is not stated, 0, and it is said so."""
    if keyword in message.texts:
        return message.number(keyword)
    message.notice(f"missing-{keyword.lower().replace('_', '-')}")
    return 0.0


def _classification_type(message: _Texts) -> str:
    text = message.texts.get("CLASSIFICATION_TYPE", "U")  # the standard's default
    if not text.strip(" "):
        message.notice("empty-classification-type")
        return "U"
    if text not in ("U", "C", "S"):
        raise RecordRefusedError("CLASSIFICATION_TYPE", text, "U, C or S", CLAUSE_DATA)
    return text


def _others(message: _Texts) -> None:
    """What the hub does not keep must still be right."""
    for keyword in message.texts.keys() & _OTHER_NUMBERS:
        message.number(keyword)
    stated = [name for name in COVARIANCE_NAMES if name in message.texts]
    if stated and len(stated) < len(COVARIANCE_NAMES):
        missing = next(name for name in COVARIANCE_NAMES if name not in message.texts)
        raise RecordRefusedError(missing, "", "all 21 terms of the covariance, or none", CLAUSE_DATA)


def _instant(keyword: str, text: str) -> int:
    if len(text) > _INSTANT_LENGTH_MAX:
        raise RecordRefusedError(keyword, text, f"at most {_INSTANT_LENGTH_MAX} characters", _CLAUSE_INSTANT)
    try:
        return parse_utc(text)
    except ValueError as error:
        raise RecordRefusedError(keyword, text, str(error), _CLAUSE_INSTANT) from error


def _plain_text(keyword: str, text: str) -> str:
    if len(text) > _TEXT_LENGTH_MAX or not text.isprintable():
        raise RecordRefusedError(keyword, text, f"at most {_TEXT_LENGTH_MAX} printable characters")
    return text
