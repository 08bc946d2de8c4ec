"""US portion marks as UDL's ``classificationMarking`` has them: strict reader and writer.

``class//SCI//SAP//FGI//dissemination//non-IC``, each part at most once and in this order, controls inside a part
separated by ``/``. A mark without a US class begins with ``//``: ``//NS`` (NATO), ``//CAN S``. UDL writes the provider
of commercial data as ``PR-<provider>``. Source: the structure of the IC's register of markings (CAPCO); the lists of
controls below are its public, unclassified ones from general knowledge, and not checked against an edition of it. What
is not in them, AEA markings and JOINT among them, is refused by name.
"""

import re
from typing import NamedTuple

from schemas.label_error import LabelError

US_CLASSES = ("U", "C", "S", "TS")
NATO_CLASSES = ("NU", "NR", "NC", "NS", "CTS")
FOREIGN_CLASSES = ("U", "R", "C", "S", "TS")
SCI_SYSTEMS = ("HCS", "KDK", "RSV", "SI", "TK")
# In the order in which they stand. REL TO stands between PR and RELIDO, DISPLAY ONLY at the end.
CONTROLS_BEFORE_REL_TO = ("RS", "FOUO", "OC", "OC-USGOV", "IMC", "NF", "PR")
CONTROLS_AFTER_REL_TO = ("RELIDO", "DSEN", "FISA")
CONTROLS = (*CONTROLS_BEFORE_REL_TO, *CONTROLS_AFTER_REL_TO)
NON_IC = ("DS", "XD", "ND", "SBU", "LES", "SSI")
# The words of a banner line, which some senders write in a portion.
_BANNER_WORDS = {"RSEN": "RS", "ORCON": "OC", "ORCON-USGOV": "OC-USGOV", "IMCON": "IMC", "NOFORN": "NF", "PROPIN": "PR"}
_PARTS = ("SCI", "SAP", "FGI", "dissemination controls", "non-IC controls")

_SCI = re.compile(rf"(?:{'|'.join(SCI_SYSTEMS)})(?:-[A-Z0-9]+(?: [A-Z0-9]+)*)*")
_SAP = re.compile(r"SAR-[A-Z0-9]+(?:[- ][A-Z0-9]+)*")
_FGI = re.compile(r"FGI(?P<codes>(?: [A-Z]{3,4})*)")
_REL_TO = re.compile(r"(?P<verb>REL TO|DISPLAY ONLY) (?P<codes>.+)")
_CODE = re.compile(r"[A-Z]{3,4}")
_PROVIDER = re.compile(r"PR-(?P<provider>[A-Z0-9_.]+(?:-[A-Z0-9_.]+)*)")
_LENGTH_MAX = 1_000


class Portion(NamedTuple):
    """A portion mark. ``owner`` is USA, NATO or a trigraph; ``classification`` as the mark has it (TS, NS, S, ...).

    ``fgi`` is None without foreign government information, () where its source is concealed. ``providers`` are UDL's
    PR-<provider>. ``controls`` are those of `CONTROLS` in their order.
    """

    owner: str
    classification: str
    sci: tuple[str, ...] = ()
    sap: tuple[str, ...] = ()
    fgi: tuple[str, ...] | None = None
    controls: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    rel_to: tuple[str, ...] = ()
    display_only: tuple[str, ...] = ()
    non_ic: tuple[str, ...] = ()


def read_portion(text: str, file: str = "CAPCO") -> Portion:
    """The portion mark of a text, with or without parentheses. Raises LabelError naming the part and the rule."""
    inner = text[1:-1] if text.startswith("(") and text.endswith(")") else text
    if len(text) > _LENGTH_MAX or not inner.isascii() or inner != inner.upper():
        raise LabelError(file, 0, "portion", text, f"capital ASCII letters, at most {_LENGTH_MAX} characters")
    first, *segments = inner.split("//")
    try:
        if first:
            owner, classification = "USA", _one_of(first, US_CLASSES, "class")
        else:
            owner, classification = _not_us(segments.pop(0) if segments else "")
        portion = _with_segments(Portion(owner, classification), segments)
        _check_rules(portion)
    except _RuleError as error:
        raise LabelError(file, 0, error.part, text, error.rule) from error
    return portion


def write_portion(portion: Portion) -> str:
    """The mark, in the one form that the register's order leaves. Raises LabelError for one that breaks a rule.

    >>> write_portion(Portion("USA", "S", sci=("SI", "TK"), rel_to=("USA", "CAN", "FVEY")))
    'S//SI/TK//REL TO USA, CAN, FVEY'
    """
    if portion.owner == "USA":
        parts = [portion.classification]
    elif portion.owner == "NATO":
        parts = ["", portion.classification]
    else:
        parts = ["", f"{portion.owner} {portion.classification}"]
    dissemination = [control for control in portion.controls if control in CONTROLS_BEFORE_REL_TO]
    dissemination += [f"PR-{provider}" for provider in portion.providers]
    dissemination += [f"REL TO {', '.join(portion.rel_to)}"] if portion.rel_to else []
    dissemination += [control for control in portion.controls if control in CONTROLS_AFTER_REL_TO]
    dissemination += [f"DISPLAY ONLY {', '.join(portion.display_only)}"] if portion.display_only else []
    fgi = [] if portion.fgi is None else [" ".join(("FGI", *portion.fgi))]
    for controls in (portion.sci, portion.sap, fgi, dissemination, portion.non_ic):
        if controls:
            parts.append("/".join(controls))
    text = "//".join(parts)
    if read_portion(text) != portion:
        raise LabelError("CAPCO", 0, "portion", text, "what is written must read as what was meant")
    return text


class _RuleError(ValueError):
    def __init__(self, part: str, rule: str) -> None:
        self.part, self.rule = part, rule
        super().__init__(rule)


def _one_of(text: str, known: tuple[str, ...], part: str) -> str:
    if text not in known:
        raise _RuleError(part, f"one of {', '.join(known)}")
    return text


def _not_us(text: str) -> tuple[str, str]:
    if text in NATO_CLASSES:
        return "NATO", text
    owner, _, classification = text.partition(" ")
    if owner == "JOINT":
        raise _RuleError("class", "JOINT classifications are not supported")
    if len(owner) != 3 or _CODE.fullmatch(owner) is None or owner == "USA" or classification not in FOREIGN_CLASSES:
        foreign = ", ".join(FOREIGN_CLASSES)
        raise _RuleError("class", f"after // one of {', '.join(NATO_CLASSES)}, or a trigraph and one of {foreign}")
    return owner, classification


def _with_segments(portion: Portion, segments: list[str]) -> Portion:
    reached = -1
    for segment in segments:
        controls = segment.split("/")
        place = _place(controls[0])
        if place is None:
            raise _RuleError(segment or "//", "a known SCI, SAP, FGI, dissemination or non-IC control")
        if place <= reached:
            raise _RuleError(segment, f"parts in the order {', '.join(_PARTS)}, each once")
        reached = place
        portion = (_sci, _sap, _fgi, _dissemination, _non_ic)[place](portion, controls)
    return portion


def _place(control: str) -> int | None:
    """Which part a control belongs to."""
    if _SCI.fullmatch(control):
        return 0
    if _SAP.fullmatch(control):
        return 1
    if _FGI.fullmatch(control):
        return 2
    if control in CONTROLS or control in _BANNER_WORDS or _PROVIDER.fullmatch(control) or _REL_TO.fullmatch(control):
        return 3
    return 4 if control in NON_IC else None


def _sci(portion: Portion, controls: list[str]) -> Portion:
    for control in controls:
        if _SCI.fullmatch(control) is None:
            raise _RuleError(control, f"an SCI control: one of {', '.join(SCI_SYSTEMS)}, with its compartments")
    return portion._replace(sci=_ascending(controls, "SCI"))


def _sap(portion: Portion, controls: list[str]) -> Portion:
    for control in controls:
        if _SAP.fullmatch(control) is None:
            raise _RuleError(control, "a special access program: SAR-<identifier>")
    return portion._replace(sap=_ascending(controls, "SAP"))


def _fgi(portion: Portion, controls: list[str]) -> Portion:
    match = _FGI.fullmatch(controls[0])
    if match is None or len(controls) > 1:
        raise _RuleError("FGI", "FGI and its countries, separated by a space")
    return portion._replace(fgi=_in_code_order(match["codes"].split(), "FGI"))


def _dissemination(portion: Portion, texts: list[str]) -> Portion:
    order: list[tuple[int, int, str]] = []
    for text in texts:
        control = _BANNER_WORDS.get(text, text)
        if control in CONTROLS:
            portion = portion._replace(controls=(*portion.controls, control))
            group = 0 if control in CONTROLS_BEFORE_REL_TO else 3
            order.append((group, CONTROLS.index(control), ""))
        elif provider := _PROVIDER.fullmatch(text):
            portion = portion._replace(providers=(*portion.providers, provider["provider"]))
            order.append((1, 0, provider["provider"]))
        elif released := _REL_TO.fullmatch(text):
            codes = _codes(released["codes"], released["verb"])
            rel_to = released["verb"] == "REL TO"
            portion = portion._replace(rel_to=codes) if rel_to else portion._replace(display_only=codes)
            order.append((2, 0, "") if rel_to else (4, 0, ""))
        else:
            raise _RuleError(text, f"a dissemination control: one of {', '.join(CONTROLS)}, PR-…, REL TO, DISPLAY ONLY")
    if order != sorted(set(order)):
        names = f"{', '.join(CONTROLS_BEFORE_REL_TO)}, PR-…, REL TO, {', '.join(CONTROLS_AFTER_REL_TO)}, DISPLAY ONLY"
        raise _RuleError("dissemination controls", f"in the order {names}, each once")
    return portion


def _non_ic(portion: Portion, controls: list[str]) -> Portion:
    for control in controls:
        _one_of(control, NON_IC, "non-IC controls")
    if [NON_IC.index(control) for control in controls] != sorted({NON_IC.index(control) for control in controls}):
        raise _RuleError("non-IC controls", f"in the order {', '.join(NON_IC)}, each once")
    return portion._replace(non_ic=tuple(controls))


def _ascending(controls: list[str], part: str) -> tuple[str, ...]:
    if controls != sorted(set(controls)):
        raise _RuleError(part, "in alphabetical order, each once")
    return tuple(controls)


def _codes(text: str, verb: str) -> tuple[str, ...]:
    codes = text.split(", ")
    if not all(_CODE.fullmatch(code) for code in codes):
        raise _RuleError(verb, "trigraphs and tetragraphs, separated by a comma and a space")
    if verb == "DISPLAY ONLY":
        return _in_code_order(codes, verb)
    if codes[0] != "USA" or len(codes) < 2:
        raise _RuleError(verb, "REL TO begins with USA, and names somebody else")
    return ("USA", *_in_code_order(codes[1:], verb))


def _in_code_order(codes: list[str], part: str) -> tuple[str, ...]:
    if codes != code_order(set(codes)):
        raise _RuleError(part, "trigraphs in alphabetical order, then tetragraphs in alphabetical order, each once")
    return tuple(codes)


def code_order(codes: set[str]) -> list[str]:
    """Trigraphs alphabetically, then tetragraphs alphabetically."""
    return sorted(codes, key=lambda code: (len(code), code))


def _check_rules(portion: Portion) -> None:
    """Rules across parts. Raises _RuleError."""
    if "NF" in portion.controls and portion.rel_to:
        raise _RuleError("NF", "NOFORN excludes REL TO")
    if "NF" in portion.controls and (portion.display_only or "RELIDO" in portion.controls):
        raise _RuleError("NF", "NOFORN excludes RELIDO and DISPLAY ONLY")
    if "USA" in portion.rel_to[1:]:
        raise _RuleError("REL TO", "USA once, at the beginning")
    if portion.classification == "U" and (portion.sci or portion.sap):
        raise _RuleError("class", "SCI and SAP stand with C, S or TS alone")
    if portion.classification != "U" and "FOUO" in portion.controls:
        raise _RuleError("FOUO", "FOUO stands with U alone")
