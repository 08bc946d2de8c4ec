"""What verification reports: each disagreement in one line, with what it means and how to mend it."""

from collections.abc import Iterable, Sequence
from itertools import islice

import msgspec

_EXAMPLES = 3


class Finding(msgspec.Struct, frozen=True):
    """One disagreement. ``check``: where (``payloads``, ``history/elements`` and so on)."""

    check: str
    what: str
    meaning: str
    mend: str

    def __str__(self) -> str:
        return f"{self.check}: {self.what}; {self.meaning}; {self.mend}"


class Report(msgspec.Struct):
    """The outcome. ``checked``: what was looked at, by check; ``remnants``: what is left over and harms nothing."""

    quick: bool
    compared_at_utc: str
    checked: dict[str, str] = {}
    findings: list[Finding] = []
    remnants: list[str] = []

    @property
    def sound(self) -> bool:
        """Nothing disagrees."""
        return not self.findings

    def saw(self, check: str, what: str) -> None:
        """Note what was looked at."""
        self.checked[check] = what

    def wrong(self, check: str, what: str, meaning: str, mend: str) -> None:
        """Note a disagreement."""
        self.findings.append(Finding(check, what, meaning, mend))


def examples(values: Sequence[object] | Iterable[object], count: int) -> str:
    """The first few of so many things, and how many more there are."""
    shown = [str(value) for value in islice(values, _EXAMPLES)]
    more = count - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more > 0 else "")


RESTORE = "restore a backup (docs/backup.md)"
REPORT = "a fault of the hub: report it, and keep the directory as it is"
