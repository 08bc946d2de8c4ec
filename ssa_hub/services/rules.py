"""Bringing partners and agreements from files into state, where every process of the hub reads them."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from schemas.spif import SecurityPolicy, read_spif
from schemas.timescales import now_tai_ns
from ssa_hub.release.admission import admit, unknown_names
from ssa_hub.release.agreement import Agreement, read_agreement
from ssa_hub.release.decision import NO_POLICIES
from ssa_hub.release.partner import Partner, read_partners
from ssa_hub.services.failures import SettingsError
from ssa_hub.state.agreements import AgreementEntry
from ssa_hub.state.store import State


class Activation(NamedTuple):
    """Agreements that came into force (those that already were are not named), and remarks on their contents."""

    activated: list[Agreement]
    remarks: list[str]


def agreement_files(where: Path) -> list[Path]:
    """The agreements below a directory (``*.toml``, in order), or the one file. Raises SettingsError."""
    if where.is_dir():
        return sorted(path for path in where.glob("*.toml") if path.name != "partners.toml")
    if not where.exists():
        raise SettingsError(f"{where}: there is no such file or directory of agreements")
    return [where]


def enrol_partners(state: State, path: Path) -> list[Partner]:
    """Enter the partners of a file into state, or change them. Raises PartnersError, SettingsError, OSError."""
    partners = partners_in(path)
    for partner in partners:
        state.partners.put(partner)
    return partners


def partners_in(path: Path) -> list[Partner]:
    """The partners of a file. Raises PartnersError, SettingsError where it is no text, OSError."""
    return read_partners(text_of(path), str(path))


def security_policies(state: State) -> dict[str, SecurityPolicy]:
    """The security policies that the hub knows, by name."""
    return {name: read_spif(document, file) for name, file, document in state.security_policies.all()}


def read_and_admit(
    partners: Iterable[Partner], paths: Iterable[Path], policies: Mapping[str, SecurityPolicy] = NO_POLICIES
) -> list[tuple[Agreement, str]]:
    """Read agreements with their texts, and check their examples against the partners.

    Raises AgreementError with every mistake of the first file that has any; SettingsError, OSError.
    """
    known = list(partners)
    admitted: dict[str, Agreement] = {}
    found = []
    for path in paths:
        text = text_of(path)
        agreement = read_agreement(text, str(path))
        admitted = admit(agreement, known, admitted, policies)
        found.append((agreement, text))
    return found


def activate(state: State, paths: Iterable[Path], *, by: str) -> Activation:
    """Put agreements into force, after all of them have been read and their examples hold; ``by``: whose act it is.

    Raises what `read_and_admit` raises; then nothing has changed.
    """
    partners = state.partners.all()
    found = read_and_admit(partners, paths, security_policies(state))
    activated = [
        agreement
        for agreement, text in found
        if state.agreements.activate(
            agreement.originator, agreement.version, file=agreement.file, text=text, now_tai_ns=now_tai_ns(), by=by
        )
    ]
    return Activation(activated, [note for agreement, _ in found for note in unknown_names(agreement, partners)])


def restore(state: State, originator: str, version: str, *, by: str) -> Activation:
    """Put a version that was in force before into force again, if its examples hold for the partners of now.

    Raises AgreementError where they do not, or where its text is none by the rules of today; SettingsError where the
    originator never had that version in force. Then nothing has changed.
    """
    entry = entry_of(state, originator, version)
    partners = state.partners.all()
    agreement = read_agreement(entry.text, entry.file)
    admit(agreement, partners, {}, security_policies(state))
    changed = state.agreements.activate(
        originator, agreement.version, file=entry.file, text=entry.text, now_tai_ns=now_tai_ns(), by=by
    )
    return Activation([agreement] if changed else [], unknown_names(agreement, partners))


def entry_of(state: State, originator: str, version: str | None = None) -> AgreementEntry:
    """The entry of a version, its last if it was in force several times; without a version, that in force.

    Raises SettingsError where there is none.
    """
    entries = state.agreements.history(originator)
    if version is None:
        chosen = [entry for entry in entries if entry.retired_tai_ns is None]
        missing = f"no agreement of {originator!r} is in force"
    else:
        chosen = [entry for entry in entries if entry.version == version]
        known = ", ".join(dict.fromkeys(entry.version for entry in entries)) or "none"
        missing = f"{originator!r} never had a version {version!r} in force; there were: {known}"
    if not chosen:
        raise SettingsError(missing)
    return chosen[-1]


def text_of(path: Path) -> str:
    """The text of a file. Raises SettingsError where it is not UTF-8, OSError."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: not UTF-8 text: {error}") from error
