"""Bringing partners and agreements from files into state, where every process of the hub reads them."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from schemas.timescales import now_tai_ns
from ssa_hub.release.admission import admit, unknown_names
from ssa_hub.release.agreement import Agreement, read_agreement
from ssa_hub.release.partner import Partner, read_partners
from ssa_hub.services.failures import SettingsError
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
    return read_partners(_text(path), str(path))


def read_and_admit(partners: Iterable[Partner], paths: Iterable[Path]) -> list[tuple[Agreement, str]]:
    """Read agreements with their texts, and check their examples against the partners.

    Raises AgreementError with every mistake of the first file that has any; SettingsError, OSError.
    """
    known = list(partners)
    admitted: dict[str, Agreement] = {}
    found = []
    for path in paths:
        text = _text(path)
        agreement = read_agreement(text, str(path))
        admitted = admit(agreement, known, admitted)
        found.append((agreement, text))
    return found


def activate(state: State, paths: Iterable[Path]) -> Activation:
    """Put agreements into force, after all of them have been read and their examples hold.

    Raises what `read_and_admit` raises; then nothing has changed.
    """
    partners = state.partners.all()
    found = read_and_admit(partners, paths)
    activated = [
        agreement
        for agreement, text in found
        if state.agreements.activate(
            agreement.originator, agreement.version, file=agreement.file, text=text, now_tai_ns=now_tai_ns()
        )
    ]
    return Activation(activated, [note for agreement, _ in found for note in unknown_names(agreement, partners)])


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: not UTF-8 text: {error}") from error
