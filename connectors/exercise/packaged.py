"""Where the exercise's data files lie: the owners' agreements and the partners, as TOML documents of the hub."""

from pathlib import Path

_HERE = Path(__file__).parent

AGREEMENTS_FOLDER = _HERE / "agreements"
PARTNERS_FILE = _HERE / "partners.toml"


def agreement_files() -> list[Path]:
    """One agreement an owner, in the order of the file names."""
    return sorted(AGREEMENTS_FOLDER.glob("*.toml"))
