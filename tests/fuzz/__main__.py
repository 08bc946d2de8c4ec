"""Fuzzes every reader for some time each: ``python -m tests.fuzz [--seconds 300] [--jobs 2] [FORM ...]``.

Needs the extra ``fuzz`` (atheris): ``pip install -e '.[test,fuzz]'``. Seeds are in ``tests/fuzz/corpus/FORM``; inputs
that libFuzzer finds on the way go to ``--found`` (default: a temporary directory), inputs that break a reader to
``crashes`` beside it, where ``python -m tests.fuzz.target FORM FILE`` runs them again. Ends with 1 if there are any.

An input breaks a reader if it raises, takes longer than TIMEOUT_S, makes the process grow beyond MEMORY_MB, yields
records that are not sound (`tests.fuzz.properties`), or is read differently by a fast lane (`tests.fuzz.lanes`). The
form ``payload`` is any payload, and what `schemas.convert` makes of it. Compiled kernels check their bounds.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from schemas.ccsds.table import KINDS, message_kind
from schemas.cdm.cdm_public import COLUMNS
from schemas.omm.keywords import CELESTRAK_KEYS
from tests.fuzz.properties import FORMS

CORPUS = Path(__file__).parent / "corpus"
INPUT_BYTES_MAX = 65_536
MEMORY_MB = 1024  # of the whole process; the imports alone take some 250
TIMEOUT_S = 20
# atheris keeps 10 to 60 KB an input of XML (a process without it stays as large as it is), so it begins anew.
STRETCH_S = 60


# Values that stand at the edge of a rule, and the words of the encodings.
WORDS = (
    *("1e999", "1_5.0", "nan", "-inf", ".5", "5.", "-0", "0x1p3", "360.0", "1.0E-400", "9" * 40, "2147483648"),
    *("2016-12-31T23:59:60", "2026-060T00:00:00.5", "2026-02-29T24:00:00Z", "RTN", "UTC", "TAI", "ITRF", "SGP4-XP"),
    *("\\x00", "\\xEF\\xBB\\xBF", "\\x0D\\x0A", "\\x09", "\\xD9\\xA3", "COMMENT ", " = ", " [km]", "null", "\\\\ud800"),
    *("<!DOCTYPE a>", "<![CDATA[", "&amp;", "&#x0;", "<!-- -->", "xsi:nil=\\x22true\\x22", "</data>", "USER_DEFINED_"),
)


class Outcome(NamedTuple):
    """What became of one reader: inputs tried, the process's peak memory, and the end of its output if it broke."""

    form: str
    inputs: int
    peak_mb: int
    broken: str


def dictionary(form: str) -> str:
    """libFuzzer's dictionary for a form: its keywords, blocks and `WORDS`."""
    name = FORMS[form].message
    words: list[str] = [*WORDS, *CELESTRAK_KEYS] if name == "OMM" else list(WORDS)
    for kind in map(message_kind, (name,) if name in KINDS else KINDS if name == "NDM" else ()):
        for block in kind.blocks:
            words += [block.name, block.kvn_start or "", block.kvn_stop or ""]
            words += [keyword.keyword for keyword in block.keywords]
    if form.startswith("cdm"):
        words += COLUMNS
    return "".join(f'"{word}"\n' for word in dict.fromkeys(words) if word)


def fuzz(form: str, seconds: int, found: Path) -> Outcome:
    """Fuzz one reader for ``seconds``, in processes of STRETCH_S at most, until one breaks."""
    for directory in (found / form, found / "crashes" / form):
        directory.mkdir(parents=True, exist_ok=True)
    (found / f"{form}.dict").write_text(dictionary(form), "ascii")
    outcome = Outcome(form, 0, 0, "")
    for start in range(0, seconds, STRETCH_S):
        stretch = _stretch(form, min(STRETCH_S, seconds - start), found)
        inputs, peak_mb = outcome.inputs + stretch.inputs, max(outcome.peak_mb, stretch.peak_mb)
        outcome = Outcome(form, inputs, peak_mb, stretch.broken)
        if outcome.broken:
            break
    return outcome


def _stretch(form: str, seconds: int, found: Path) -> Outcome:
    command = [sys.executable, "-m", "tests.fuzz.target", form, str(found / form), str(CORPUS / form)]
    options = {
        "dict": found / f"{form}.dict",
        "max_total_time": seconds,
        "max_len": INPUT_BYTES_MAX,
        "rss_limit_mb": MEMORY_MB,
        "timeout": TIMEOUT_S,
        "print_final_stats": 1,
        "artifact_prefix": f"{found / 'crashes' / form}/",
    }
    command += [f"-{name}={value}" for name, value in options.items()]
    # Kernels compiled with these checks have a cache of their own.
    watched = {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(found / "numba")}
    done = subprocess.run(
        command, env=os.environ | watched, capture_output=True, text=True, errors="backslashreplace", check=False
    )
    output = done.stdout + done.stderr

    def stat(name: str) -> int:
        match = re.search(rf"stat::{name}:\s+(\d+)", output)
        return int(match[1]) if match else 0

    broken = "" if done.returncode == 0 else done.stdout[-4000:] + done.stderr[-2000:]
    return Outcome(form, stat("number_of_executed_units"), stat("peak_rss_mb"), broken)


def main() -> int:
    """Read the options, fuzz, print a line a reader."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.split("\n\n")[0])
    parser.add_argument("forms", nargs="*", choices=[*FORMS, []], metavar="FORM", help=", ".join(FORMS))
    parser.add_argument("--seconds", type=int, default=300, help="for each reader")
    parser.add_argument("--jobs", type=int, default=2, help="readers at the same time")
    parser.add_argument("--found", type=Path, default=None)
    options = parser.parse_args()
    found = options.found or Path(tempfile.mkdtemp(prefix="ssa-hub-fuzz-"))
    with ThreadPoolExecutor(options.jobs) as pool:
        outcomes = list(pool.map(lambda form: fuzz(form, options.seconds, found), options.forms or FORMS))
    for outcome in outcomes:
        verdict = "BROKEN" if outcome.broken else "held"
        print(f"{outcome.form:<10} {outcome.inputs:>12,} inputs  {outcome.peak_mb:>5} MB at most  {verdict}")
        print(outcome.broken, end="")
    print(f"found inputs and crashes: {found}")
    return int(any(outcome.broken for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
