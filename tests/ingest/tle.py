"""Element sets as two lines, for the tests of ingest."""

_GOOD = (
    "1 25544U 98067A   24260.50000000  .00016717  00000-0  10270-3 0  9006\n"
    "2 25544  51.6400 208.9163 0006317  69.9862  25.2906 15.50000000    00\n"
)


def with_checksum(line: str) -> str:
    """The line with its last digit made right."""
    digits = sum(int(c) if c.isdigit() else c == "-" for c in line[:68])
    return line[:68] + str(digits % 10)


def element_set(number: int) -> str:
    """One element set of the object with a catalogue number up to five digits."""
    first, second = (with_checksum(line.replace("25544", f"{number:05d}", 1)) for line in _GOOD.splitlines())
    return f"{first}\n{second}\n"
