"""Element sets of known content: object n of a partner at step s says so in its catalogue number and its epoch."""

from datetime import UTC, datetime, timedelta

from tests.ingest.tle import with_checksum

# Steps of 0.001 day are whole microseconds in UTC, and what a TLE's eight decimals of a day hold exactly.
STEP_MICROSECONDS = 86_400_000
_YEAR = 2026
_FIRST_DAY = 1.0


def element_set(catalogue_number: int, step: int) -> str:
    """Two lines. ``step`` from 0 to 300,000."""
    epoch = f"{_YEAR % 100:02d}{_FIRST_DAY + step / 1000:012.8f}"
    first = with_checksum(f"1 {catalogue_number:05d}U 98067A   {epoch}  .00016717  00000-0  10270-3 0  9000")
    second = with_checksum(f"2 {catalogue_number:05d}  51.6400 208.9163 0006317  69.9862  25.2906 15.50000000    00")
    return f"{first}\n{second}\n"


def spoilt(text: str) -> str:
    """The same with a checksum that is wrong."""
    lines = text.splitlines()
    lines[0] = lines[0][:-1] + str((int(lines[0][-1]) + 1) % 10)
    return "\n".join(lines) + "\n"


def step_of(epoch_utc: str) -> int:
    """The step that an epoch stands for."""
    told = datetime.fromisoformat(epoch_utc.rstrip("Z")[:26]).replace(tzinfo=UTC)
    since = told - datetime(_YEAR, 1, 1, tzinfo=UTC)
    steps, rest = divmod(since, timedelta(microseconds=STEP_MICROSECONDS))
    assert not rest, f"{epoch_utc} is no step"
    return steps
