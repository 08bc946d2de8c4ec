"""From texts to element sets: the one set of value rules that all encodings of the OMM share, over whole columns.

The rules are those of CCSDS 502.0-B-3 for messages based on TLEs (4.2.4, tables 4-2 and 4-3): EARTH, TEME, UTC,
MEAN_MOTION, and SGP4 or SGP4-XP. MEAN_MOTION_DOT and MEAN_MOTION_DDOT carry the values of the TLE's fields (halved,
divided by six) in everything that Space-Track and CelesTrak publish, so nothing is divided here.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.cospar import cospar_id_of_tle
from schemas.element_rows import element_batch
from schemas.object_names import OBJECT_NAME_LENGTH_MAX
from schemas.omm.judgement import Judgement
from schemas.omm.keywords import VERSION_KEYWORD, clause_of, omm, omm_keywords
from schemas.omm.remaining_rules import judge_remaining
from schemas.omm.text_table import TextTable
from schemas.omm.value_rules import angles, clause_for, integers, mixed_case, must_be_there, numbers, plain_text
from schemas.refusals import RecordRefusedError
from schemas.value_columns import (
    Mask,
    equals_any,
    instant_rule,
    instants_of,
    is_empty,
    is_plain_text,
    is_stated,
    mask_of,
    matches,
)

_CATALOGUE_NUMBER_MAX = 999_999_999
_REVOLUTION_MAX = 2**31 - 1  # integers of the standard have 32 bits
_EARTH_IN_TEME = (("CENTER_NAME", "EARTH"), ("REF_FRAME", "TEME"), ("TIME_SYSTEM", "UTC"))
_SGP4, _XP = "SGP4", "SGP4-XP"
_THEORIES = (_SGP4, "SGP/SGP4", "SDP4", _XP)
_COSPAR_ID = r"^[0-9]{4}-[0-9]{3}[A-Z]{1,3}$"
_CLAUSE_XML_TYPE = "CCSDS 505.0-B-3, tleParametersType"
_MARKING_LENGTH_MAX = 100
_MICROSECONDS = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}$"

# What may be there and empty; any other keyword with nothing behind it is refused.
_MAY_BE_EMPTY = frozenset(
    {"CREATION_DATE", "ORIGINATOR", "MESSAGE_ID", "CLASSIFICATION", "OBJECT_NAME", "OBJECT_ID", "CLASSIFICATION_TYPE"}
)


def element_sets(table: TextTable, *, flat: bool) -> tuple[pa.RecordBatch, list[tuple[int, RecordRefusedError]]]:
    """(element sets of the messages that keep every rule, (row, error) of each that breaks one).

    The batch has the columns of ``ELEMENT_FIELDS``, rows in the table's order. ``flat``: JSON or CSV, which need no
    header, leave out what is EARTH, TEME, UTC and SGP4, and have empty text where a value is not known.
    """
    judgement = Judgement(_without_empty(table) if flat else table)
    if not flat:
        _refuse_empty(judgement)
    creation_date, originator = _header(judgement, flat)
    name, cospar_id = _object(judgement)
    _frame(judgement, flat)
    ephemeris_type, is_xp = _theory(judgement, flat)
    columns: dict[str, object] = _size_and_shape(judgement)
    columns |= _epoch(judgement)
    drag, second_derivative = _drag_terms(judgement, is_xp)
    judge_remaining(judgement)
    columns |= {
        "catalogue_number": integers(judgement, "NORAD_CAT_ID", 1, _CATALOGUE_NUMBER_MAX, demanded=True).values,
        "object_name": name,
        "cospar_id": cospar_id,
        "ra_of_asc_node_deg": angles(judgement, "RA_OF_ASC_NODE"),
        "arg_of_pericenter_deg": angles(judgement, "ARG_OF_PERICENTER"),
        "mean_anomaly_deg": angles(judgement, "MEAN_ANOMALY"),
        "bstar_per_earth_radius": drag,
        "mean_motion_dot_rev_per_day2": numbers(judgement, "MEAN_MOTION_DOT", clause=_CLAUSE_XML_TYPE),
        "mean_motion_ddot_rev_per_day3": second_derivative,
        "ephemeris_type": ephemeris_type,
        "classification_type": _classification_type(judgement),
        "element_set_number": _or_null(judgement, "ELEMENT_SET_NO", 9_999),
        "revolution_at_epoch": _or_null(judgement, "REV_AT_EPOCH", _REVOLUTION_MAX),
        "mean_element_theory": pc.if_else(pa.array(is_xp), _XP, _SGP4),
        "message_originator": originator,
        "creation_date_utc": creation_date,
        "payload_record": table.records,
    }
    columns["deviations"] = judgement.deviations()
    passed = judgement.passed()
    refusals = [] if passed.all() else judgement.refusals()
    return element_batch(_kept(columns, passed), int(passed.sum())), refusals


def _kept(columns: dict[str, object], passed: Mask) -> dict[str, object]:
    """The columns of the rows that passed."""
    if passed.all():
        return columns
    keep = pa.array(passed)
    return {
        name: column[passed] if isinstance(column, np.ndarray) else column.filter(keep)  # type: ignore[attr-defined]
        for name, column in columns.items()
    }


def _without_empty(table: TextTable) -> TextTable:
    """In flat messages an empty text says that the value is not known; names and designators are noticed as empty."""
    columns = {}
    for keyword, column in table.columns.items():
        empty = is_empty(column)
        if empty.any() and keyword not in ("OBJECT_NAME", "OBJECT_ID"):
            column = pc.if_else(pa.array(empty), pa.scalar(None, pa.string()), column)
        columns[keyword] = column
    return table._replace(columns=columns)


def _refuse_empty(judgement: Judgement) -> None:
    rule = "a value must stand behind this keyword"
    for keyword, column in judgement.table.columns.items():
        if keyword not in _MAY_BE_EMPTY and keyword != VERSION_KEYWORD:
            judgement.require(keyword, rule, ~is_empty(column), clause_for(keyword))


def _header(judgement: Judgement, flat: bool) -> tuple[pa.Array, pa.Array]:
    """(creation date, originator), null where they are empty as in much real data."""
    table = judgement.table
    version = table.column(VERSION_KEYWORD)
    passed = equals_any(version, omm().versions)
    rule = f"one of {', '.join(omm().versions)}"
    judgement.require(VERSION_KEYWORD, rule, passed | ~is_stated(version) if flat else passed, clause_of(""))
    for keyword in ("CREATION_DATE", "ORIGINATOR"):
        if not flat:
            must_be_there(judgement, keyword)
        judgement.notice(omm_keywords()[keyword].empty_deviation, is_empty(table.column(keyword)))
    creation_date, originator = (_null_if_empty(table.column(name)) for name in ("CREATION_DATE", "ORIGINATOR"))
    judgement.require("CREATION_DATE", instant_rule, instants_of(creation_date)[1], clause_for("EPOCH"))
    _marking(judgement)
    plain_text(judgement, "ORIGINATOR")
    return creation_date, originator


def _marking(judgement: Judgement) -> None:
    """The header's CLASSIFICATION. The hub labels records by their source; who compares the two must be able to see
    what the message said, so it is noticed word for word.
    """
    marking = _null_if_empty(judgement.table.column("CLASSIFICATION"))
    rows = np.flatnonzero(is_stated(marking))
    if rows.size:
        plain_text(judgement, "CLASSIFICATION")
        texts = pc.utf8_slice_codeunits(marking.take(pa.array(rows)), 0, _MARKING_LENGTH_MAX)
        judgement.notice_names(rows, pc.binary_join_element_wise("header-classification", texts, ": "))


def _object(judgement: Judgement) -> tuple[pa.Array, pa.Array]:
    """(name, COSPAR id)."""
    table = judgement.table
    for keyword, deviation in (("OBJECT_NAME", "object-name"), ("OBJECT_ID", "object-id")):
        column = table.column(keyword)
        judgement.notice(f"empty-{deviation}", is_empty(column))
        judgement.notice(f"missing-{deviation}", ~is_stated(column))
    name = pc.utf8_trim(table.column("OBJECT_NAME"), " ")
    judgement.require("OBJECT_NAME", "printable characters", is_plain_text(name, 2**31))
    judgement.require(
        "OBJECT_NAME", f"at most {OBJECT_NAME_LENGTH_MAX} characters", is_plain_text(name, OBJECT_NAME_LENGTH_MAX)
    )
    judgement.notice("non-ascii-name", ~mask_of(pc.string_is_ascii(name)) & is_stated(name))
    return _null_if_empty(name), _cospar_ids(judgement)


def _cospar_ids(judgement: Judgement) -> pa.Array:
    """OBJECT_ID where it is a designator, in its form YYYY-NNNP{PP}; null where it is none.

    UNKNOWN is what table 4-2 has for an object without one.
    """
    column = _null_if_empty(judgement.table.column("OBJECT_ID"))
    unknown = matches(pc.utf8_upper(column), "^UNKNOWN$") & is_stated(column)
    if unknown.any():
        column = pc.if_else(pa.array(unknown), pa.scalar(None, pa.string()), column)
    is_cospar = matches(column, _COSPAR_ID) & ~matches(column, "^.....000")
    others = np.flatnonzero(~is_cospar & is_stated(column))
    if not others.size:
        return column
    plain_text(judgement, "OBJECT_ID")
    texts = column.take(pa.array(others)).dictionary_encode()
    converted = [cospar_id_of_tle(text) for text in texts.dictionary.to_pylist()]
    codes = texts.indices.to_numpy(zero_copy_only=False)
    is_tle_form = np.array([text is not None for text in converted], np.bool_)[codes]
    for deviation, where in (("object-id-tle-form", is_tle_form), ("object-id-not-cospar", ~is_tle_form)):
        noticed = np.zeros(len(column), np.bool_)
        noticed[others[where]] = True
        judgement.notice(deviation, noticed)
    replacement = pa.array(converted, pa.string()).take(texts.indices)
    return pc.replace_with_mask(column, pa.array(~is_cospar & is_stated(column)), replacement)


def _frame(judgement: Judgement, flat: bool) -> None:
    table = judgement.table
    for keyword, wanted in _EARTH_IN_TEME:
        column = table.column(keyword)
        if not flat:
            must_be_there(judgement, keyword)
        passed = equals_any(pc.ascii_upper(column), (wanted,)) | ~is_stated(column)
        judgement.require(keyword, f"SGP4 elements are of {wanted}", passed, clause_of(keyword))
        mixed_case(judgement, keyword)
    epoch = ~is_stated(table.column("REF_FRAME_EPOCH"))
    rule = "TEME is of the elements' epoch, no other"
    judgement.require("REF_FRAME_EPOCH", rule, epoch, clause_of("REF_FRAME_EPOCH"))


def _theory(judgement: Judgement, flat: bool) -> tuple[NDArray[np.int64], Mask]:
    """(ephemeris type, where it is SGP4-XP); SGP4-XP wins where the two disagree, because it is never propagated."""
    stated = pc.ascii_upper(judgement.table.column("MEAN_ELEMENT_THEORY"))
    if not flat:
        must_be_there(judgement, "MEAN_ELEMENT_THEORY")
    known = equals_any(stated, _THEORIES) | ~is_stated(stated)
    rule = "SGP4 (also written SGP/SGP4, SDP4) or SGP4-XP"
    judgement.require("MEAN_ELEMENT_THEORY", rule, known, clause_of("MEAN_ELEMENT_THEORY"))
    mixed_case(judgement, "MEAN_ELEMENT_THEORY")
    for text, deviation in omm_keywords()["MEAN_ELEMENT_THEORY"].value_deviations.items():
        judgement.notice(deviation, equals_any(stated, (text,)))
    is_xp = equals_any(stated, (_XP,))
    types = integers(judgement, "EPHEMERIS_TYPE", 0, 99)
    ephemeris_type = np.where(types.stated, types.values, np.where(is_xp, 4, 0))
    rule = "0 or 2 (SGP4), or 4 (SGP4-XP)"
    judgement.require("EPHEMERIS_TYPE", rule, np.isin(ephemeris_type, (0, 2, 4)), clause_of("EPHEMERIS_TYPE"))
    disagree = is_xp != (ephemeris_type == 4)
    judgement.notice("theory-and-ephemeris-type-disagree", disagree & is_stated(stated))
    return np.where(disagree, 4, ephemeris_type), is_xp | disagree


def _size_and_shape(judgement: Judgement) -> dict[str, object]:
    semi_major_axis = judgement.table.column("SEMI_MAJOR_AXIS")
    rule = "SGP4 elements state MEAN_MOTION, not SEMI_MAJOR_AXIS"
    judgement.require("SEMI_MAJOR_AXIS", rule, ~is_stated(semi_major_axis), clause_of("SEMI_MAJOR_AXIS"))
    mean_motion = numbers(judgement, "MEAN_MOTION")
    judgement.require("MEAN_MOTION", "greater than 0 rev/day", mean_motion > 0.0, clause_of("MEAN_MOTION"))
    eccentricity = numbers(judgement, "ECCENTRICITY")
    passed = (eccentricity >= 0.0) & (eccentricity < 1.0)
    judgement.require("ECCENTRICITY", "0 to less than 1", passed, clause_of("ECCENTRICITY"))
    inclination = numbers(judgement, "INCLINATION")
    passed = (inclination >= 0.0) & (inclination <= 180.0)
    judgement.require("INCLINATION", "0 to 180 deg", passed, clause_of("INCLINATION"))
    return {
        "mean_motion_rev_per_day": mean_motion,
        "eccentricity": eccentricity,
        "inclination_deg": inclination,
    }


def _epoch(judgement: Judgement) -> dict[str, object]:
    must_be_there(judgement, "EPOCH")
    text = judgement.table.column("EPOCH")
    tai_ns, read = instants_of(text)
    judgement.require("EPOCH", instant_rule, read, clause_for("EPOCH"))
    if matches(text, _MICROSECONDS).all():
        # As all publish it; with three zeros it is what the hub would write of the instant.
        return {"epoch_tai_ns": tai_ns, "epoch_utc": pc.binary_join_element_wise(text, "000", "")}
    return {"epoch_tai_ns": tai_ns}


def _drag_terms(judgement: Judgement, is_xp: Mask) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(BSTAR and MEAN_MOTION_DDOT) of SGP4, (BTERM and AGOM) of SGP4-XP.

    Flat messages have no keys for the latter two, so there the SGP4 keys carry them.
    """
    values = []
    for sgp4, xp in (("BSTAR", "BTERM"), ("MEAN_MOTION_DDOT", "AGOM")):
        has_sgp4, has_xp = (is_stated(judgement.table.column(keyword)) for keyword in (sgp4, xp))
        if has_xp.any():
            rule = f"{xp} belongs to SGP4-XP alone, in place of {sgp4}"
            judgement.require(xp, rule, ~has_xp | (is_xp & ~has_sgp4), clause_of(xp))
        if sgp4 == "BSTAR":
            must_be_there(judgement, sgp4, where=~has_xp)
        else:  # SGP4 does not use it: where it is not stated it is 0, and it is said so
            judgement.notice("missing-mean-motion-ddot", ~has_sgp4 & ~has_xp)
        judgement.notice(f"{xp.lower()}-in-{sgp4.lower().replace('_', '-')}", is_xp & has_sgp4 & ~has_xp)
        of_sgp4 = numbers(judgement, sgp4, demanded=False)
        values.append(np.where(has_xp, numbers(judgement, xp, demanded=False), of_sgp4) if has_xp.any() else of_sgp4)
    return values[0], values[1]


def _classification_type(judgement: Judgement) -> pa.Array:
    column = judgement.table.column("CLASSIFICATION_TYPE")
    blank = matches(column, "^ *$")
    judgement.notice("empty-classification-type", blank)
    passed = blank | equals_any(column, ("U", "C", "S")) | ~is_stated(column)
    judgement.require("CLASSIFICATION_TYPE", "U, C or S", passed, clause_of("CLASSIFICATION_TYPE"))
    # U is the standard's default.
    return pc.if_else(pa.array(blank | ~is_stated(column)), "U", column)


def _or_null(judgement: Judgement, keyword: str, high: int) -> pa.Array:
    found = integers(judgement, keyword, 0, high)
    return pa.array(np.where(found.stated & (found.values <= high), found.values, 0), pa.int64(), mask=~found.stated)


def _null_if_empty(column: pa.Array) -> pa.Array:
    empty = is_empty(column)
    return pc.if_else(pa.array(empty), pa.scalar(None, pa.string()), column) if empty.any() else column
