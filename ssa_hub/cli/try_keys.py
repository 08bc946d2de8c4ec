"""Keys to try the hub with: made at the first start, kept in the data directory for its owner, shown at each start."""

import json
import os
from collections.abc import Iterable
from pathlib import Path

from schemas.timescales import now_tai_ns
from ssa_hub.release.partner import Partner, Role, new_key
from ssa_hub.state.store import State

LOCAL = "LOCAL-STEWARD"
_FILE = "try-keys.json"


def try_keys(state: State, data_dir: Path, partners: Iterable[str]) -> dict[str, str]:
    """A token for each of the partners, by name; those that are there already are kept.

    State holds only hashes, so the tokens themselves stand in a file that only its owner can read. Raises OSError.
    """
    path = data_dir / _FILE
    tokens: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    missing = [name for name in partners if name not in tokens]
    if missing:
        made = {name: new_key(name) for name in missing}
        tokens.update({name: token for name, (token, _) in made.items()})
        # The file first: a key in state of which nobody has the token would be lost.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(tokens, file, indent=2)
        for _, record in made.values():
            state.partners.add_key(record, now_tai_ns())
    return {name: tokens[name] for name in partners}


def local_key(state: State, data_dir: Path) -> str:
    """The key of the partner that stands for whoever runs this hub: a steward, who sees what agreements give him."""
    if all(partner.name != LOCAL for partner in state.partners.all()):
        state.partners.put(Partner(LOCAL, roles=frozenset({Role.STEWARD})))
    return try_keys(state, data_dir, [LOCAL])[LOCAL]
