"""``python -m tests.faults --seconds 3600 --size embedded|distributed --seed N``: a campaign, and its report."""

import argparse
import random
import shutil
import sys
import tempfile
from pathlib import Path

from tests.faults.campaign import run_campaign


def main() -> int:
    """Run a campaign; 1 where something does not hold. The directory is kept then."""
    parser = argparse.ArgumentParser(description="Faults at random under load, then the count.")
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--size", choices=("embedded", "distributed"), default="embedded")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--dir", type=Path, help="an empty directory; default: one of its own in the system's")
    arguments = parser.parse_args()
    directory = arguments.dir or Path(tempfile.mkdtemp(prefix="ssa-hub-campaign-"))
    report = run_campaign(
        directory, arguments.size, arguments.seconds, arguments.seed, lambda line: print(line, flush=True)
    )
    print("\n".join(report.lines()))
    if report.problems:
        print(f"what the processes said is in {directory}")
        return 1
    shutil.rmtree(directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
