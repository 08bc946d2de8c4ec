"""One libFuzzer target, which `tests.fuzz.__main__` runs in a process of its own: ``-m tests.fuzz.target FORM CORPUS``.

The input goes to the reader of one encoding, whatever it looks like. Whatever comes in, the reader must answer with
records and refusals; what it accepts must be sound, must survive being written and read again, and must not depend on
whether a fast lane read it. One form is no encoding: ``payload`` takes what `schemas.recognise` makes of the input,
compressed or not, and also has it converted.
"""

import sys
from pathlib import Path

import atheris

ROOT = Path(__file__).parents[2]
# numba compiles these itself, so they must stay as they are; NUMBA_BOUNDSCHECK watches over them instead.
KERNELS = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in (ROOT / "schemas").rglob("*.py")
    if "njit(" in path.read_text()
]
with atheris.instrument_imports(include=["schemas"], exclude=KERNELS):
    from schemas.messages import PAYLOAD_BYTES_MAX, PayloadReading, read_as, read_payload
    from schemas.recognise import Recognised
    from tests.fuzz.conversions import require_conversions_hold
    from tests.fuzz.lanes import require_lanes_agree
    from tests.fuzz.properties import ANY, FORMS, require_sound, require_survives_writing

DECOMPRESSED_BYTES_MAX = 1 << 20
assert DECOMPRESSED_BYTES_MAX < PAYLOAD_BYTES_MAX


def one_input(what: Recognised, data: bytes) -> None:
    """Raises for an input that breaks the reader of ``what``."""
    reading: PayloadReading
    if what == ANY:
        reading = read_payload(data, "fuzz", bytes_max=DECOMPRESSED_BYTES_MAX)
        require_sound(reading)
        require_conversions_hold(data)
        return
    reading = read_as(what, data, "fuzz")
    require_sound(reading)
    require_survives_writing(reading)
    require_lanes_agree(what, data)


def main() -> None:
    """Hand over to libFuzzer, which does not return."""
    what = FORMS[sys.argv[1]]
    for seed in sorted((Path(__file__).parent / "corpus" / sys.argv[1]).iterdir()):
        one_input(what, seed.read_bytes())  # compiles the kernels, which takes longer than an input may
    atheris.Setup([sys.argv[0], *sys.argv[2:]], lambda data: one_input(what, data))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
