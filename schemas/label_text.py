"""Labels as a line of text: ``TLP:AMBER to AQUILA, BOREAL``, ``CAPCO:U//REL TO USA, FVEY``."""

from schemas.capco import capco_to_label, label_to_capco
from schemas.label_error import NoLabelMappingError
from schemas.labels import Label
from schemas.tlp import label_to_tlp, tlp_to_label

CAPCO_PREFIX = "CAPCO:"
TLP_PREFIX = "TLP:"
_TO = " to "


def is_label_text(text: str) -> bool:
    """Whether a text begins as one of the lines that `label_of_text` reads."""
    return text.startswith((CAPCO_PREFIX, TLP_PREFIX))


def label_of_text(text: str) -> Label:
    """The label of a line: a portion mark after ``CAPCO:``, or TLP 2.0, its recipients after `` to ``.

    Raises LabelError for a line that breaks its scheme's rules, NoLabelMappingError where no mapping is defined.
    """
    if text.startswith(CAPCO_PREFIX):
        return capco_to_label(text.removeprefix(CAPCO_PREFIX))
    tlp, to, recipients = text.partition(_TO)
    return tlp_to_label(tlp, recipients.split(", ") if to else ())


def tlp_line(label: Label) -> str:
    """A TLP label as a line that `label_of_text` reads back. Raises NoLabelMappingError where that is not defined."""
    tlp, recipients = label_to_tlp(label)
    line = f"{tlp}{_TO}{', '.join(recipients)}" if recipients else tlp
    if label_to_tlp(label_of_text(line)) != (tlp, recipients):
        raise NoLabelMappingError("a line of TLP", ", ".join(recipients), "a comma in a recipient's name")
    return line


def capco_line(label: Label) -> str:
    """A label as ``CAPCO:`` and its portion mark. Raises NoLabelMappingError where none is defined."""
    return f"{CAPCO_PREFIX}{label_to_capco(label)}"
