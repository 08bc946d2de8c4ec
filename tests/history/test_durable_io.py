from pathlib import Path

import pytest
from pyiceberg.io import OutputStream

from ssa_hub.history.durable_io import DurableFileIO
from ssa_hub.history.locations import local_path


def test_a_file_appears_whole_when_it_is_closed_and_not_before(tmp_path: Path) -> None:
    location = f"file://{tmp_path}/new/directory/file.bin"
    stream = DurableFileIO().new_output(location).create()
    assert isinstance(stream, OutputStream)
    stream.write(b"one, ")
    stream.write(b"two")
    assert not (tmp_path / "new/directory/file.bin").exists()
    stream.close()
    stream.close()
    assert [path.name for path in (tmp_path / "new/directory").iterdir()] == ["file.bin"]
    assert DurableFileIO().new_input(location).open().read() == b"one, two"
    assert len(DurableFileIO().new_output(location)) == 8


def test_an_exception_while_writing_leaves_nothing(tmp_path: Path) -> None:
    stream = DurableFileIO().new_output(str(tmp_path / "file.bin")).create()

    def fail() -> None:
        with stream:
            stream.write(b"half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_replaced_only_when_told(tmp_path: Path) -> None:
    location = str(tmp_path / "file.bin")
    (tmp_path / "file.bin").write_bytes(b"old")
    output = DurableFileIO().new_output(location)
    assert output.exists()
    with pytest.raises(FileExistsError):
        output.create()
    with output.create(overwrite=True) as stream:
        stream.write(b"new")
        assert (tmp_path / "file.bin").read_bytes() == b"old"
    assert (tmp_path / "file.bin").read_bytes() == b"new"


def test_other_places_than_this_machine_are_refused() -> None:
    assert local_path("file:///a/b c%20d") == Path("/a/b c%20d")
    for location in ("s3://bucket/key", "file://elsewhere/path"):
        with pytest.raises(ValueError, match="not a local file"):
            local_path(location)
