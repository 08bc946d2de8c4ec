"""Why something is released or not: a code, a sentence, and who may be told it."""

from enum import StrEnum

import msgspec


class Audience(StrEnum):
    """Who may be told a reason. A denial's is the originator's alone: to the partner the record does not exist."""

    PARTNER = "partner"
    ORIGINATOR = "originator"


class ReasonCode(StrEnum):
    """Why, for machines."""

    OWN_DATA = "own-data"
    RULE = "rule"
    NO_AGREEMENT = "no-agreement"
    LABEL_UNKNOWN = "label-unknown"
    LABEL_INVALID = "label-invalid"
    LABEL_POLICY = "label-policy"
    LABEL_CLASSIFICATION = "label-classification"
    LABEL_PERMISSIVE = "label-permissive-category"
    LABEL_RESTRICTIVE = "label-restrictive-category"
    NO_RULE = "no-rule"


class Reason(msgspec.Struct, frozen=True):
    """Why, as a sentence that names the rule; ``rule`` is its id, None where no rule decided."""

    code: ReasonCode
    sentence: str
    rule: str | None
    audience: Audience
