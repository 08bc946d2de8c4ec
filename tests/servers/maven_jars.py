"""The jars of a server, fetched by Maven once a machine."""

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.servers import ServerUnavailableError

FETCH_TIMEOUT_S = 600.0


def jars_of(pom: Path, name: str, environment: str) -> Path:
    """The directory of the jars that a pom names, fetched the first time.

    It is what the variable ``environment`` says, or ~/.cache/ssa-hub/<name>-<version>, the version being the pom's
    property ``<name>.version``. Raises ServerUnavailableError without a JVM, or where the jars are absent and Maven
    is, too, or cannot bring them.
    """
    if shutil.which("java") is None:
        raise ServerUnavailableError("no JVM on this machine (program java)")
    found = re.search(rf"<{name}\.version>(.+)</{name}\.version>", pom.read_text())
    assert found, f"{pom} names no {name}.version"
    default = Path.home() / ".cache" / "ssa-hub" / f"{name}-{found[1]}"
    jars = Path(os.environ.get(environment, default))
    if jars.is_dir():
        return jars
    mvn = shutil.which("mvn")
    if mvn is None:
        raise ServerUnavailableError(f"no jars in {jars}, and no Maven on this machine (program mvn)")
    jars.parent.mkdir(parents=True, exist_ok=True)
    with (jars.parent / f"{jars.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test runs may begin at once
        if not jars.is_dir():
            _fetch(mvn, pom, jars)
    return jars


def _fetch(mvn: str, pom: Path, jars: Path) -> None:
    with tempfile.TemporaryDirectory(dir=jars.parent) as work:
        target = Path(work) / "jars"
        # A copy of the pom, so that Maven leaves nothing in the source tree.
        shutil.copy(pom, work)
        command = [mvn, "-q", "-B", "-f", f"{work}/pom.xml", "dependency:copy-dependencies"]
        done = subprocess.run(
            [*command, f"-DoutputDirectory={target}"], capture_output=True, text=True, timeout=FETCH_TIMEOUT_S
        )
        if done.returncode != 0:
            raise ServerUnavailableError(
                f"Maven could not fetch the jars of {pom}: {done.stdout[-2000:]}{done.stderr[-500:]}"
            )
        target.rename(jars)
