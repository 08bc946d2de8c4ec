"""The API against requests that schemathesis makes up from its description, good and bad, with every check it has."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.api.served_hub import ServedHub

_ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_schemathesis_finds_nothing(own_hub: ServedHub, tmp_path: Path) -> None:
    """No 5xx, no undocumented status or content type, no answer that its schema does not describe."""
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            *(
                "run",
                f"{own_hub.base_url}/openapi.json",
                "--header",
                f"Authorization: Bearer {own_hub.new_key('BETA')}",
            ),
            *("--checks", "all", "--phases", "coverage,fuzzing", "--max-examples", "8", "--seed", "1", "--no-color"),
            # The first what-if of a fresh installation compiles kernels: a minute and more under load; an
            # answer that took more than 10 s is a failure unless another limit is given.
            *("--request-timeout", "300", "--max-response-time", "300"),
        ],
        env={
            **os.environ,
            "SCHEMATHESIS_HOOKS": "tests.api.schemathesis_hooks",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    summary = "\n".join(line[:500] for line in done.stdout.splitlines())
    assert done.returncode == 0, summary + done.stderr
    assert "46 selected / 46 total" in summary
