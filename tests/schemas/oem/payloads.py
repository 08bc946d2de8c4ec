"""OEM payloads of our own, put together from parts, so that a test changes the one thing that it is about."""

from pathlib import Path

from tests.schemas.generated_elements import DATA

OEM_DATA = DATA / "oem"
BOOKS = DATA / "ccsds-books" / "data"
XSD = DATA / "ccsds-xsd" / "ccsds-ndm" / "ndmxml-4.0.0-master-4.0.xsd"

STATES = (
    "2024-02-28T23:58:00.5 6778.137 0.0 -12.5 0.001 7.66 -0.25",
    "2024-02-28T23:59:00.5 6760.25 459.4 -27.5 -0.52 7.64 -0.2499",
    "2024-02-29T00:00:00.5 6709.5 916.25 -42.4 -1.035 7.5849 -0.2475",
    "2024-02-29T00:01:00.5 6625.75 1368.0 -57.1 -1.55 7.487 -0.243",
)
TRIANGLE = (
    "1.0e-4",
    "2.0e-5 3.0e-4",
    "-1.5e-5 1.0e-6 2.5e-4",
    "1.0e-8 -2.0e-8 3.0e-9 4.0e-10",
    "2.0e-8 1.0e-8 -3.0e-9 5.0e-12 3.5e-10",
    "-1.0e-8 2.0e-9 1.0e-9 -4.0e-12 6.0e-12 4.5e-10",
)


def metadata(**changes: str | None) -> list[str]:
    """META_START to META_STOP; a keyword set to None is left out."""
    keywords: dict[str, str | None] = {
        "OBJECT_NAME": "TESTSAT 1",
        "OBJECT_ID": "2024-001A",
        "CENTER_NAME": "EARTH",
        "REF_FRAME": "EME2000",
        "REF_FRAME_EPOCH": None,
        "TIME_SYSTEM": "UTC",
        "START_TIME": "2024-02-28T23:58:00.5",
        "USEABLE_START_TIME": None,
        "USEABLE_STOP_TIME": None,
        "STOP_TIME": "2024-02-29T00:01:00.5",
        "INTERPOLATION": "HERMITE",
        "INTERPOLATION_DEGREE": "3",
    }
    keywords |= changes
    return ["META_START", *(f"{key} = {text}" for key, text in keywords.items() if text is not None), "META_STOP"]


def matrix(epoch: str = "2024-02-28T23:59:00", frame: str | None = None, rows: tuple[str, ...] = TRIANGLE) -> list[str]:
    """One covariance matrix, without the delimiters."""
    return [f"EPOCH = {epoch}", *([f"COV_REF_FRAME = {frame}"] if frame else []), *rows]


def oem(*parts: list[str] | tuple[str, ...], version: str = "3.0", header: tuple[str, ...] = ()) -> bytes:
    """An OEM in KVN: header, then the parts, one line after the other."""
    lines = [f"CCSDS_OEM_VERS = {version}", *header, "CREATION_DATE = 2024-03-01T12:00:00", "ORIGINATOR = TESTERS"]
    for part in parts:
        lines += part
    return "\n".join([*lines, ""]).encode()


def shared(path: Path) -> bool:
    """Whether the development data are here."""
    return path.exists()
