"""US portion marks to labels and back, where that is defined; everything else is refused, never guessed.

| portion | label of policy US |
|---|---|
| U, C, S, TS | UNCLASSIFIED, CONFIDENTIAL, SECRET, TOP SECRET |
| SCI controls | RESTRICTIVE "SCI", one value each (``SI-G``) |
| SAR-… | RESTRICTIVE "SAP" |
| FGI countries | RESTRICTIVE "FGI"; ``SOURCE CONCEALED`` where none is named |
| NF, OC, RELIDO, … | RESTRICTIVE "Dissemination Controls", by the names of `CONTROL_NAMES` |
| PR-<provider> | RESTRICTIVE "Proprietary" |
| REL TO | PERMISSIVE "Releasable To", codes as they stand: a group such as FVEY is not expanded |
| non-IC | RESTRICTIVE "Non-IC Controls" |

NU to CTS become policy NATO, with the mandatory Context NATO; without further controls. DISPLAY ONLY and other
countries' classes have no mapping. Every control but REL TO is RESTRICTIVE: who is to pass must hold it by name.
"""

from schemas.capco_portion import (
    CONTROLS,
    NATO_CLASSES,
    NON_IC,
    US_CLASSES,
    Portion,
    code_order,
    read_portion,
    write_portion,
)
from schemas.label_error import LabelError, NoLabelMappingError
from schemas.labels import Category, CategoryType, Label

POLICY = "US"
NATO_POLICY = "NATO"
CLASSIFICATIONS = dict(zip(US_CLASSES, ("UNCLASSIFIED", "CONFIDENTIAL", "SECRET", "TOP SECRET"), strict=True))
NATO_CLASSIFICATIONS = dict(
    zip(NATO_CLASSES, ("UNCLASSIFIED", "RESTRICTED", "CONFIDENTIAL", "SECRET", "TOP SECRET"), strict=True)
)
CONTROL_NAMES = {control: control for control in CONTROLS} | {
    "RS": "RSEN",
    "OC": "ORCON",
    "OC-USGOV": "ORCON-USGOV",
    "IMC": "IMCON",
    "NF": "NOFORN",
    "PR": "PROPIN",
}
_CONCEALED = "SOURCE CONCEALED"  # no code of a country can be it
_RELEASABLE, _CONTROLS, _PROPRIETARY, _NON_IC = (
    *("Releasable To", "Dissemination Controls", "Proprietary"),
    "Non-IC Controls",
)
_NATO_CONTEXT = Category("Context", CategoryType.PERMISSIVE, ("NATO",))
_NO_PLACE = ("privacy_mark", "succession", "alternatives")


def capco_to_label(text: str) -> Label:
    """The canonical label of a portion mark.

    Raises LabelError for a text that is no portion mark, NoLabelMappingError for one without a defined mapping.
    """
    portion = read_portion(text)
    if portion.owner == "NATO":
        if portion != Portion("NATO", portion.classification):
            raise NoLabelMappingError("a label", text, "a NATO class with further controls")
        return Label(NATO_POLICY, NATO_CLASSIFICATIONS[portion.classification], (_NATO_CONTEXT,))
    if portion.owner != "USA":
        raise NoLabelMappingError("a label", text, f"the security policy of {portion.owner} is not defined here")
    if portion.display_only:
        raise NoLabelMappingError("a label", text, "DISPLAY ONLY is neither release nor its denial")
    fgi = () if portion.fgi is None else portion.fgi or (_CONCEALED,)
    restrictive = {
        "SCI": portion.sci,
        "SAP": portion.sap,
        "FGI": fgi,
        _CONTROLS: tuple(CONTROL_NAMES[control] for control in portion.controls),
        _PROPRIETARY: portion.providers,
        _NON_IC: portion.non_ic,
    }
    categories = [
        Category(tag, CategoryType.RESTRICTIVE, tuple(sorted(values))) for tag, values in restrictive.items() if values
    ]
    if portion.rel_to:
        categories.append(Category(_RELEASABLE, CategoryType.PERMISSIVE, tuple(sorted(portion.rel_to))))
    return Label(POLICY, CLASSIFICATIONS[portion.classification], tuple(categories)).canonical()


def label_to_capco(label: Label) -> str:
    """The portion mark of a label of policy US or NATO. Raises NoLabelMappingError where none is defined.

    Only a label whose mark reads back as its policy, classification and categories is written.
    """
    for part in _NO_PLACE:
        if getattr(label, part):
            raise NoLabelMappingError("CAPCO", part, "a portion mark has no place for it")
    try:
        text = write_portion(_portion(label))
        back = capco_to_label(text)
    except LabelError as error:
        raise NoLabelMappingError("CAPCO", error.element, error.rule) from error
    stripped = Label(label.policy, label.classification, label.categories).canonical()
    if back != stripped:
        raise NoLabelMappingError("CAPCO", label.policy, "a category that a portion mark has no words for")
    return text


def _portion(label: Label) -> Portion:
    if label.policy == NATO_POLICY:
        return Portion("NATO", _key(NATO_CLASSIFICATIONS, label.classification))
    if label.policy != POLICY:
        raise NoLabelMappingError("CAPCO", label.policy, f"only the policies {POLICY} and {NATO_POLICY}")
    values = {(category.tag_name, category.type): category.values for category in label.categories}
    known = {(tag, CategoryType.RESTRICTIVE) for tag in ("SCI", "SAP", "FGI", _CONTROLS, _PROPRIETARY, _NON_IC)}
    known.add((_RELEASABLE, CategoryType.PERMISSIVE))
    for tag, kind in values:
        if (tag, kind) not in known:
            raise NoLabelMappingError("CAPCO", tag, f"no control is defined for a {kind} category of this name")

    def of(tag: str) -> tuple[str, ...]:
        return values.get((tag, CategoryType.RESTRICTIVE), ())

    fgi = of("FGI")
    rel_to = set(values.get((_RELEASABLE, CategoryType.PERMISSIVE), ()))
    controls = {_key(CONTROL_NAMES, name) for name in of(_CONTROLS)}
    released = ("USA", *code_order(rel_to - {"USA"})) if "USA" in rel_to else tuple(code_order(rel_to))
    return Portion(
        "USA",
        _key(CLASSIFICATIONS, label.classification),
        sci=of("SCI"),
        sap=of("SAP"),
        fgi=None if not fgi else () if fgi == (_CONCEALED,) else tuple(code_order(set(fgi))),
        controls=tuple(control for control in CONTROLS if control in controls),
        providers=of(_PROPRIETARY),
        rel_to=released,
        non_ic=tuple(control for control in NON_IC if control in of(_NON_IC)),
    )


def _key(names: dict[str, str], name: str) -> str:
    for key, value in names.items():
        if value == name:
            return key
    raise NoLabelMappingError("CAPCO", name, f"one of {', '.join(names.values())}")
