"""docs/exercise.md runs as it stands: its TOML files are written, its Python blocks run one after another."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "exercise.md"


@pytest.mark.slow
def test_the_exercise_goes_as_its_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # The command of this interpreter's environment, wherever its directory stands on the path.
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    page = PAGE.read_text(encoding="utf-8")
    for name, text in re.findall(r"```toml\n# (\S+)\n(.*?)```", page, re.DOTALL):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text, encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) >= 8
    names: dict[str, object] = {"__name__": "page"}
    try:
        for number, block in enumerate(blocks, start=1):
            exec(compile(block, f"{PAGE.name}, block {number}", "exec"), names)  # noqa: S102
    finally:
        hub = names.get("hub")
        if isinstance(hub, subprocess.Popen) and hub.poll() is None:
            hub.kill()
            hub.wait()
