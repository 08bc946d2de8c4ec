"""The drop folder, with real files and a clock that the tests move."""

import asyncio
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from connectors.folder import FileInMotionError, Fingerprint, FolderConnector, printable_name, read_unchanged
from connectors.open_files import open_for_writing
from connectors.payload import Payload
from connectors.sources import FolderSource
from schemas.labels import Label
from schemas.records import DataMode
from tests.connectors.harness import START_TAI_NS, KeptMemory, MovableClock, run_for

LABEL = Label("PUBLIC", "UNCLASSIFIED")


def source(folder: Path, **changes: object) -> FolderSource:
    values = {"id": "drop", "originator": "US-18SDS", "label": LABEL, "path": str(folder), **changes}
    return FolderSource(**values)  # type: ignore[arg-type]


class Bench:
    """One folder and one memory; a new connector at each start."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.memory, self.clock = folder, KeptMemory(), MovableClock()
        self.start()

    def start(self, **changes: object) -> FolderConnector:
        self.connector = FolderConnector(source(self.folder, **changes), self.memory, self.clock)
        return self.connector

    async def run(self, seconds: float = 10, acknowledge: bool = True) -> list[Payload]:
        return await run_for(self.connector, self.clock, seconds, acknowledge)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    folder = tmp_path / "drop"
    folder.mkdir()
    return Bench(folder)


def names(payloads: list[Payload]) -> list[str]:
    return [Path(payload.location).name for payload in payloads]


async def test_a_dropped_file_is_brought_once_with_its_provenance(bench: Bench) -> None:
    (bench.folder / "gp.csv").write_bytes(b"\x00bytes as they came\xff")
    (payload,) = await bench.run()
    assert payload.data == b"\x00bytes as they came\xff"
    assert payload.location == str(bench.folder / "gp.csv")
    assert START_TAI_NS + 2 * 10**9 <= payload.retrieved_tai_ns <= START_TAI_NS + 3 * 10**9
    assert (payload.provenance.source, payload.provenance.originator) == ("drop", "US-18SDS")
    assert (payload.provenance.data_mode, payload.provenance.label) == (DataMode.REAL, LABEL)
    assert (bench.folder / "gp.csv").exists()
    assert await bench.run() == []


async def test_a_file_is_not_brought_before_it_has_settled(bench: Bench) -> None:
    (bench.folder / "gp.csv").write_bytes(b"x")
    bench.start(settle_s=30.0)
    assert await bench.run(29.4) == []
    bench.start(settle_s=30.0)
    assert await bench.run(29.4) == []  # a restart begins to watch anew
    assert names(await bench.run(31)) == ["gp.csv"]


async def test_files_come_oldest_first(bench: Bench) -> None:
    for age, name in enumerate(("b", "a", "c")):
        (bench.folder / name).write_bytes(b"x")
        os.utime(bench.folder / name, ns=(0, 10**18 + age))
    assert names(await bench.run()) == ["b", "a", "c"]


@pytest.mark.parametrize("name", [".hidden", "gp.csv.part", "gp.TMP", "gp.crdownload"])
async def test_unfinished_and_hidden_files_are_ignored(bench: Bench, name: str) -> None:
    (bench.folder / name).write_bytes(b"x")
    assert await bench.run() == []


async def test_a_file_renamed_from_part_is_brought(bench: Bench) -> None:
    (bench.folder / "gp.part").write_bytes(b"whole")
    assert await bench.run() == []
    (bench.folder / "gp.part").rename(bench.folder / "gp")
    assert names(await bench.run()) == ["gp"]


async def test_folders_links_and_pipes_are_not_brought(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"never dropped")
    (bench.folder / "link").symlink_to(tmp_path / "secret")
    (bench.folder / "below").mkdir()
    (bench.folder / "below" / "file").write_bytes(b"x")
    os.mkfifo(bench.folder / "pipe")
    assert await bench.run() == []


async def test_what_is_acknowledged_does_not_come_again_after_a_restart(bench: Bench) -> None:
    (bench.folder / "gp.csv").write_bytes(b"x")
    assert len(await bench.run()) == 1
    bench.start()
    assert await bench.run() == []


async def test_what_is_not_acknowledged_comes_again_after_a_restart_only(bench: Bench) -> None:
    (bench.folder / "gp.csv").write_bytes(b"x")
    assert len(await bench.run(20, acknowledge=False)) == 1
    assert await bench.run(20) == []
    assert bench.memory.puts == []
    bench.start()
    assert len(await bench.run()) == 1


async def test_a_file_that_changes_is_brought_again(bench: Bench) -> None:
    path = bench.folder / "gp.csv"
    path.write_bytes(b"first")
    assert [p.data for p in await bench.run()] == [b"first"]
    path.write_bytes(b"other")
    os.utime(path, ns=(0, 10**18))
    assert [p.data for p in await bench.run()] == [b"other"]
    bench.start()
    assert await bench.run() == []


async def test_a_file_that_is_only_touched_is_not_brought_again(bench: Bench) -> None:
    path = bench.folder / "gp.csv"
    path.write_bytes(b"same")
    assert len(await bench.run()) == 1
    os.utime(path, ns=(0, 10**18))
    assert await bench.run() == []
    bench.start()
    assert await bench.run() == []


async def test_an_old_acknowledgement_does_not_cover_a_newer_state(bench: Bench) -> None:
    path = bench.folder / "gp.csv"
    path.write_bytes(b"first")
    (old,) = await bench.run(acknowledge=False)
    path.write_bytes(b"second")
    (new,) = await bench.run(acknowledge=False)
    await bench.connector.acknowledge(old)
    assert bench.memory.puts == []
    bench.start()
    assert [p.data for p in await bench.run(acknowledge=False)] == [new.data]


async def test_a_file_that_is_removed_and_comes_back_changed_is_brought(bench: Bench) -> None:
    path = bench.folder / "gp.csv"
    path.write_bytes(b"first")
    assert len(await bench.run()) == 1
    path.unlink()
    assert await bench.run() == []
    path.write_bytes(b"second one")
    assert [p.data for p in await bench.run()] == [b"second one"]


async def test_a_file_open_for_writing_waits_however_long_it_is_unchanged(bench: Bench) -> None:
    with (bench.folder / "gp.csv").open("wb") as writer:
        writer.write(b"first half")
        writer.flush()
        assert await bench.run(600) == []
    assert names(await bench.run()) == ["gp.csv"]


async def test_a_file_open_for_reading_does_not_wait(bench: Bench) -> None:
    (bench.folder / "gp.csv").write_bytes(b"x")
    with (bench.folder / "gp.csv").open("rb"):
        assert names(await bench.run()) == ["gp.csv"]


def test_open_files_are_told_apart_by_access_mode(tmp_path: Path) -> None:
    opened = {}
    for name, flags in (
        ("read", os.O_RDONLY),
        ("write", os.O_WRONLY),
        ("both", os.O_RDWR),
        ("append", os.O_APPEND | 1),
    ):
        (tmp_path / name).touch()
        opened[name] = os.open(tmp_path / name, flags)
    inodes = {(os.fstat(fd).st_dev, os.fstat(fd).st_ino): name for name, fd in opened.items()}
    try:
        assert {inodes[found] for found in open_for_writing(set(inodes))} == {"write", "both", "append"}
    finally:
        for descriptor in opened.values():
            os.close(descriptor)


def test_a_file_that_is_not_as_expected_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "gp.csv"
    path.write_bytes(b"x")
    seen = Fingerprint.of(path.stat())
    path.write_bytes(b"xy")
    with pytest.raises(FileInMotionError):
        read_unchanged(path, seen)
    with pytest.raises(FileNotFoundError):
        read_unchanged(tmp_path / "gone", seen)


def test_a_link_put_in_a_files_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(OSError, match="symbolic links"):
        read_unchanged(tmp_path / "link", Fingerprint.of((tmp_path / "secret").stat()))


async def test_a_missing_folder_is_created_and_said(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "not" / "yet")
    with capture_logs() as logs:
        assert await bench.run() == []
    assert bench.folder.is_dir()
    assert [log["folder"] for log in logs] == [str(bench.folder)]


async def test_a_folder_that_goes_away_is_reported_once_and_waited_for(bench: Bench) -> None:
    away = bench.folder.with_name("away")

    class MovingFolder(MovableClock):
        """Takes the folder away after ten seconds and brings it back, with a file more, after sixty."""

        async def sleep(self, seconds: float) -> None:
            elapsed_s = (self.present_tai_ns - START_TAI_NS) / 1e9
            if 10 < elapsed_s < 60 and bench.folder.exists():
                bench.folder.rename(away)
            if elapsed_s > 60 and away.exists():
                away.rename(bench.folder)
                (bench.folder / "new.csv").write_bytes(b"y")
            await super().sleep(seconds)

    (bench.folder / "gp.csv").write_bytes(b"x")
    bench.clock = MovingFolder()
    bench.start()
    with capture_logs() as logs:
        assert [p.data for p in await bench.run(90)] == [b"x", b"y"]
    assert ["cannot be listed" in log["event"] for log in logs] == [True]


async def test_a_file_above_the_limit_is_reported_once_and_left(bench: Bench) -> None:
    (bench.folder / "big").write_bytes(b"12345")
    (bench.folder / "small").write_bytes(b"1234")
    bench.start(max_file_bytes=4)
    with capture_logs() as logs:
        assert names(await bench.run(60)) == ["small"]
    assert [log["file"] for log in logs] == ["big"]


async def test_an_empty_file_is_a_payload_too(bench: Bench) -> None:
    (bench.folder / "empty").touch()
    assert [p.data for p in await bench.run()] == [b""]


async def test_a_name_that_is_no_utf8_is_brought_and_remembered(bench: Bench) -> None:
    path = os.fsencode(bench.folder) + b"/gp-\xff.csv"
    with open(path, "wb") as file:  # noqa: PTH123, ASYNC230
        file.write(b"x")
    assert names(await bench.run()) == ["gp-\\xff.csv"]
    bench.start()
    assert await bench.run() == []


@given(st.binary(min_size=1, max_size=40).filter(lambda raw: b"/" not in raw and b"\0" not in raw))
def test_every_name_has_a_printable_form_that_json_takes(raw: bytes) -> None:
    assert printable_name(os.fsdecode(raw)).encode("utf-8")


@pytest.fixture
def unprivileged_folder() -> Iterator[Path]:
    """A folder, and a process that root's rights do not help: as root, this process is nobody for the test."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        (folder / "closed").write_bytes(b"x")
        (folder / "closed").chmod(0)
        privileged = os.geteuid() == 0
        if privileged:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            if privileged:
                os.seteuid(0)


async def test_an_unreadable_file_is_reported_once_and_tried_again(unprivileged_folder: Path) -> None:
    bench = Bench(unprivileged_folder)
    with capture_logs() as logs:
        assert await bench.run(300) == []
    assert [(log["file"], "Permission denied" in log["event"]) for log in logs] == [("closed", True)]
    if os.getuid() == 0:
        os.seteuid(0)
    (unprivileged_folder / "closed").chmod(0o444)
    assert names(await bench.run(120)) == ["closed"]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("wrtk"), st.sampled_from("ab"), st.integers(0, 3)), max_size=12))
def test_over_any_history_each_settled_content_is_brought_exactly_once(history: list[tuple[str, str, int]]) -> None:
    async def play() -> None:
        with tempfile.TemporaryDirectory() as made:
            bench = Bench(Path(made))
            newest: dict[str, bytes] = {}  # what the hub has of each file, as the rules say
            stamp = 10**18
            for action, name, content in history:
                path, stamp = bench.folder / name, stamp + 1
                before = path.read_bytes() if path.exists() else None
                if action == "w":
                    path.write_bytes(b"content" * content)
                    os.utime(path, ns=(stamp, stamp))
                elif action == "t" and before is not None:
                    os.utime(path, ns=(stamp, stamp))
                elif action == "r":
                    bench.start()
                elif action == "k":
                    path.unlink(missing_ok=True)
                expected = []
                for each in "ab":
                    if (bench.folder / each).exists():
                        data = (bench.folder / each).read_bytes()
                        if newest.get(each) != data:
                            expected.append((each, data))
                            newest[each] = data
                brought = [(Path(p.location).name, p.data) for p in await bench.run(5)]
                assert sorted(brought) == expected

    asyncio.run(play())
