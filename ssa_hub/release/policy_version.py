"""What a partner is told of the rules under which he is answered: a name for them, that says nothing of others."""

import hashlib
from collections.abc import Mapping

import msgspec

from ssa_hub.release.agreement import Agreement
from ssa_hub.release.partner import Partner, Posture


def policy_version(partner: Partner, agreements: Mapping[str, Agreement], posture: Posture) -> str:
    """16 hexadecimal digits that name the rules under which this partner is answered.

    Hash of the partner's definition, the posture, and the rules that concern him with their originators; without
    the names of others in those rules, the rest of the agreements, and anything that the hub's records have. So it
    changes only with what concerns him, and he may be told it.
    """
    concerning = [
        [originator, [rule.content for rule in agreement.rules if rule.concerns(partner)]]
        for originator, agreement in sorted(agreements.items())
        if originator != partner.name and any(rule.concerns(partner) for rule in agreement.rules)
    ]
    content = {"partner": _definition(partner), "posture": posture, "rules": concerning}
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()[:16]


def _definition(partner: Partner) -> dict[str, object]:
    clearances = sorted(
        [clearance.policy, sorted(clearance.classifications), sorted(map(_plain_category, clearance.categories))]
        for clearance in partner.clearances
    )
    definition: dict[str, object] = {
        "name": partner.name,
        "groups": sorted(partner.groups),
        "clearances": clearances,
        "roles": sorted(partner.roles),
    }
    # Left out where empty: who uses neither keeps the version that he had before they were.
    later = {"purposes": sorted(partner.purposes), "operates": sorted(partner.operates)}
    return definition | {name: values for name, values in later.items() if values}


def _plain_category(category: msgspec.Struct) -> list[object]:
    return list(msgspec.structs.astuple(category))
