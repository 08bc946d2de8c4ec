"""docs/screening-library.md runs as it stands."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "screening-library.md"


def test_the_pages_blocks_run_one_after_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 6
    names: dict[str, object] = {"__name__": "page"}
    for number, block in enumerate(blocks, start=1):
        exec(compile(block, f"{PAGE.name}, block {number}", "exec"), names)  # noqa: S102
    found, mixed, events = names["found"], names["mixed"], names["events"]
    assert len(found) == len(events) > 10  # type: ignore[arg-type]
    assert mixed.orbits.superseded_count == 1  # type: ignore[attr-defined]
    assert Path("encounter.png").read_bytes().startswith(b"\x89PNG")
    assert not Path("kept").exists()
