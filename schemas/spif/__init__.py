"""Security policies: Open XML SPIF documents (xmlspif.org, 2.1), what is valid under them and how it is marked."""

from schemas.spif.errors import NoEquivalentError, SpifError, UnknownClassificationError
from schemas.spif.policy import Demand, Demands, SecurityPolicy, policy_of, read_spif

__all__ = [
    "Demand",
    "Demands",
    "NoEquivalentError",
    "SecurityPolicy",
    "SpifError",
    "UnknownClassificationError",
    "policy_of",
    "read_spif",
]
