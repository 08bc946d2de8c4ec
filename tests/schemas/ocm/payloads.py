"""OCM payloads of our own, put together from parts."""

from collections.abc import Sequence

STATES = (
    "2026-02-28T23:58:00.5 6778.137 0.0 -12.5 0.001 7.66 -0.25",
    "2026-02-28T23:59:00.5 6760.25 459.4 -27.5 -0.52 7.64 -0.2499",
    "2026-03-01T00:00:00.5 6709.5 916.25 -42.4 -1.035 7.5849 -0.2475",
)
HEADER = ("CREATION_DATE = 2026-03-01T13:00:00", "ORIGINATOR = TESTERS")


def block(name: str, keywords: dict[str, str | None], lines: Sequence[str] = ()) -> list[str]:
    """``NAME_START`` to ``NAME_STOP``; a keyword set to None is left out."""
    written = [f"{key} = {text}" for key, text in keywords.items() if text is not None]
    return [f"{name}_START", *written, *lines, f"{name}_STOP"]


def metadata(**changes: str | None) -> list[str]:
    keywords: dict[str, str | None] = {
        "OBJECT_NAME": "TESTSAT 1",
        "INTERNATIONAL_DESIGNATOR": "2026-001A",
        "OBJECT_DESIGNATOR": None,
        "TIME_SYSTEM": "UTC",
        "EPOCH_TZERO": "2026-03-01T00:00:00",
    }
    return block("META", keywords | changes)


def trajectory(lines: Sequence[str] = STATES, **changes: str | None) -> list[str]:
    keywords: dict[str, str | None] = {
        "INTERPOLATION": None,
        "INTERPOLATION_DEGREE": None,
        "CENTER_NAME": "EARTH",
        "TRAJ_REF_FRAME": "GCRF",
        "TRAJ_FRAME_EPOCH": None,
        "USEABLE_START_TIME": None,
        "USEABLE_STOP_TIME": None,
        "TRAJ_TYPE": "CARTPV",
        "TRAJ_UNITS": None,
    }
    return block("TRAJ", keywords | changes, lines)


def covariance(lines: Sequence[str], **changes: str | None) -> list[str]:
    keywords: dict[str, str | None] = {
        "COV_REF_FRAME": "RTN",
        "COV_TYPE": "CARTPV",
        "COV_ORDERING": "LTM",
        "COV_UNITS": None,
    }
    return block("COV", keywords | changes, lines)


def ocm(*parts: Sequence[str], meta: list[str] | None = None) -> bytes:
    """One OCM in KVN."""
    lines = ["CCSDS_OCM_VERS = 3.0", *HEADER, *(metadata() if meta is None else meta)]
    for part in parts:
        lines += part
    return "\n".join([*lines, ""]).encode()


def ocm_xml(trajectory_lines: Sequence[str], covariance_lines: Sequence[str] = ()) -> bytes:
    """One OCM in XML, without a declaration."""
    lines = "".join(f"<trajLine>{line}</trajLine>" for line in trajectory_lines)
    matrices = "".join(f"<covLine>{line}</covLine>" for line in covariance_lines)
    cov = "<COV_REF_FRAME>RTN</COV_REF_FRAME><COV_TYPE>CARTPV</COV_TYPE><COV_ORDERING>LTM</COV_ORDERING>"
    return (
        '<ocm id="CCSDS_OCM_VERS" version="3.0"><header><CREATION_DATE>2026-03-01T13:00:00</CREATION_DATE>'
        "<ORIGINATOR>TESTERS</ORIGINATOR></header><body><segment><metadata><OBJECT_NAME>TESTSAT 1</OBJECT_NAME>"
        "<INTERNATIONAL_DESIGNATOR>2026-001A</INTERNATIONAL_DESIGNATOR><TIME_SYSTEM>UTC</TIME_SYSTEM>"
        "<EPOCH_TZERO>2026-03-01T00:00:00</EPOCH_TZERO></metadata><data><traj><CENTER_NAME>EARTH</CENTER_NAME>"
        f"<TRAJ_REF_FRAME>GCRF</TRAJ_REF_FRAME><TRAJ_TYPE>CARTPV</TRAJ_TYPE>{lines}</traj>"
        f"{f'<cov>{cov}{matrices}</cov>' if matrices else ''}</data></segment></body></ocm>"
    ).encode()
