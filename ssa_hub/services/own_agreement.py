"""An originator's own agreement, as he keeps it through the API: to look at, to check a draft, to put into force.

Each act is recorded with who did it and when, and can be taken back: every version that was ever in force is kept.
"""

from collections.abc import Callable

import msgspec

from schemas.timescales import now_tai_ns
from ssa_hub.release.admission import admit, unknown_names
from ssa_hub.release.agreement import Agreement, read_agreement
from ssa_hub.release.errors import AgreementError, Mistake
from ssa_hub.release.partner import Partner
from ssa_hub.release.retention import NOTICE_NS, sentences
from ssa_hub.services.failures import SettingsError
from ssa_hub.services.rules import entry_of
from ssa_hub.sharing.policies import Policies
from ssa_hub.sharing.rehearsing import NotYoursError
from ssa_hub.sharing.utc import utc_texts
from ssa_hub.state.store import State

_FILE = "agreement.toml"


class AgreementAct(msgspec.Struct, frozen=True):
    """One time that a version was in force. ``retired_utc`` null: it is now."""

    version: str
    activated_utc: str
    activated_by: str | None
    retired_utc: str | None
    retired_by: str | None


class OwnAgreement(msgspec.Struct, frozen=True):
    """The asker's agreement: ``version`` and ``text`` in force, null where nothing is; the acts, oldest first."""

    originator: str
    version: str | None
    text: str | None
    history: tuple[AgreementAct, ...]


class CheckedAgreement(msgspec.Struct, frozen=True):
    """A draft that can be put into force. ``remarks``: names in its rules that nobody has, and what its retention
    deletes."""

    version: str
    rules: int
    examples: int
    remarks: tuple[str, ...]


class ActivatedAgreement(msgspec.Struct, frozen=True):
    """The version in force now. ``changed`` false: it was already."""

    version: str
    changed: bool
    remarks: tuple[str, ...]


class NoSuchVersionError(Exception):
    """The asker never had that version in force."""


class OwnAgreements:
    """Each partner's own agreement. All methods raise StateUnavailableError."""

    def __init__(
        self,
        state: State,
        policies: Policies,
        clock_tai_ns: Callable[[], int] = now_tai_ns,
        notice_ns: int = NOTICE_NS,
    ) -> None:
        """``notice_ns``: the hub's notice of deletion (`ssa_hub.release.retention`)."""
        self._state, self._policies, self._clock_tai_ns, self._notice_ns = state, policies, clock_tai_ns, notice_ns

    def of(self, asker: Partner) -> OwnAgreement:
        """What is in force, and what has been."""
        entries = self._state.agreements.history(asker.name)
        begun = utc_texts([entry.activated_tai_ns for entry in entries])
        ended = utc_texts([entry.retired_tai_ns for entry in entries])
        acts = tuple(
            AgreementAct(entry.version, str(since), entry.activated_by, until, entry.retired_by)
            for entry, since, until in zip(entries, begun, ended, strict=True)
        )
        current = next((entry for entry in entries if entry.retired_tai_ns is None), None)
        version, text = (None, None) if current is None else (current.version, current.text)
        return OwnAgreement(asker.name, version, text, acts)

    def check(self, asker: Partner, document: bytes) -> CheckedAgreement:
        """Read a draft and try its examples. Raises AgreementError with every mistake, NotYoursError."""
        agreement, _, remarks = self._admitted(asker, document)
        return CheckedAgreement(agreement.version, len(agreement.rules), len(agreement.examples), remarks)

    def activate(self, asker: Partner, document: bytes) -> ActivatedAgreement:
        """Put a draft into force; the next answer follows it. Raises AgreementError, NotYoursError."""
        agreement, text, remarks = self._admitted(asker, document)
        return ActivatedAgreement(agreement.version, self._activate(asker, agreement, text, _FILE), remarks)

    def restore(self, asker: Partner, version: str) -> ActivatedAgreement:
        """Put a version that was in force before into force again, if its examples hold for the partners of now.

        Raises NoSuchVersionError, AgreementError.
        """
        try:
            entry = entry_of(self._state, asker.name, version)
        except SettingsError:
            raise NoSuchVersionError from None
        agreement, text, remarks = self._admitted(asker, entry.text.encode())
        return ActivatedAgreement(agreement.version, self._activate(asker, agreement, text, entry.file), remarks)

    def _activate(self, asker: Partner, agreement: Agreement, text: str, file: str) -> bool:
        return self._state.agreements.activate(
            asker.name, agreement.version, file=file, text=text, now_tai_ns=self._clock_tai_ns(),
            by=f"partner {asker.name}",
        )  # fmt: skip

    def _admitted(self, asker: Partner, document: bytes) -> tuple[Agreement, str, tuple[str, ...]]:
        text = agreement_text(document)
        agreement = read_agreement(text, _FILE)
        if agreement.originator != asker.name:
            raise NotYoursError
        rules = self._policies.rules()
        known = list(rules.partners.values())
        admit(agreement, known, {}, rules.security_policies)
        return agreement, text, (*unknown_names(agreement, known), *sentences(agreement.retention, self._notice_ns))


def agreement_text(document: bytes) -> str:
    """The text of an agreement that came as bytes. Raises AgreementError where it is not UTF-8."""
    try:
        return document.decode("utf-8")
    except UnicodeDecodeError as error:
        line = document[: error.start].count(b"\n") + 1
        meaning = f"not UTF-8 at byte {error.start}"
        mistake = Mistake(file=_FILE, line=line, where="", key="text", value="", meaning=meaning)
        raise AgreementError((mistake,)) from None
