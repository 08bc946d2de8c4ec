"""What a long run has done, kept: whole or not at all; and the key that says what it is a piece of."""

import dataclasses
import multiprocessing
import os
import signal
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conjunction.checkpoint import Checkpoint, run_key
from conjunction.exclusion import PairsLeftOut
from conjunction.fingerprint import digest


def test_what_is_stored_is_loaded_and_nothing_else(tmp_path: Path) -> None:
    store = Checkpoint(tmp_path / "deep" / "kept")
    store.store("a run, chunk 1", b"one")
    store.store("a run, chunk 2", b"")
    again = Checkpoint(tmp_path / "deep" / "kept")
    assert again.load("a run, chunk 1") == b"one"
    assert again.load("a run, chunk 2") == b""
    assert again.load("a run, chunk 3") is None
    assert (store.stored, again.loaded) == (2, 2)


def test_a_piece_may_be_stored_again(tmp_path: Path) -> None:
    store = Checkpoint(tmp_path)
    store.store("key", b"first")
    store.store("key", b"second")
    assert store.load("key") == b"second"


@given(st.data())
def test_a_piece_that_is_damaged_anywhere_is_not_there_and_is_told(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    directory = tmp_path_factory.mktemp("kept")
    told: list[str] = []
    store = Checkpoint(directory, told.append)
    store.store("key", b"the content of a piece")
    (path,) = directory.glob("*.piece")
    whole = path.read_bytes()
    damage = data.draw(st.sampled_from(["cut", "flip", "longer"]))
    place = data.draw(st.integers(0, len(whole) - 1))
    if damage == "cut":
        path.write_bytes(whole[:place])
    elif damage == "longer":
        path.write_bytes(whole + b"\0")
    else:
        bits = data.draw(st.integers(1, 255))
        path.write_bytes(whole[:place] + bytes([whole[place] ^ bits]) + whole[place + 1 :])
    assert store.load("key") is None
    assert len(told) == 1
    assert "damaged" in told[0]


def test_a_piece_under_another_name_is_not_taken_for_it(tmp_path: Path) -> None:
    store = Checkpoint(tmp_path, lambda text: None)
    store.store("one", b"content")
    (one,) = tmp_path.glob("*.piece")
    store.store("other", b"content")
    (other,) = set(tmp_path.glob("*.piece")) - {one}
    one.replace(other)
    assert store.load("other") is None


def test_clear_deletes_its_own_pieces_and_half_written_ones_and_nothing_else(tmp_path: Path) -> None:
    Checkpoint(tmp_path).store("another run", b"stays")
    (tmp_path / "notes.txt").write_text("a person's")
    (tmp_path / f".{'ab' * 20}.123.deadbeef.partial").write_bytes(b"half")
    store = Checkpoint(tmp_path)
    store.store("mine", b"goes")
    store.clear()
    assert {path.suffix for path in tmp_path.iterdir()} == {".piece", ".txt"}
    assert Checkpoint(tmp_path).load("another run") == b"stays"


def test_clear_takes_an_empty_directory_away(tmp_path: Path) -> None:
    store = Checkpoint(tmp_path / "kept")
    store.store("mine", b"goes")
    store.clear()
    assert not (tmp_path / "kept").exists()


def test_a_file_in_the_directorys_place_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        Checkpoint(tmp_path / "file")


def test_a_piece_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    store = Checkpoint(tmp_path / "kept")
    (tmp_path / "kept").rmdir()
    with pytest.raises(FileNotFoundError):
        store.store("key", b"content")


def _store_for_ever(directory: Path) -> None:
    store = Checkpoint(directory)
    for number in range(10**9):
        store.store(str(number % 50), bytes([number % 251]) * 100_000)


def test_a_process_killed_while_it_stores_leaves_no_damaged_piece(tmp_path: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_store_for_ever, args=(tmp_path,))
    process.start()
    while len(list(tmp_path.glob("*.piece"))) < 20:
        assert process.is_alive()
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    told: list[str] = []
    store = Checkpoint(tmp_path, told.append)
    contents = [content for number in range(50) if (content := store.load(str(number))) is not None]
    assert told == []
    assert len(contents) >= 20
    assert all(len(content) == 100_000 and len(set(content)) == 1 for content in contents)


class _Pair(NamedTuple):
    one: int
    other: float


@dataclasses.dataclass
class _Thing:
    array: np.ndarray
    reasons: dict[int, str]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (0.0, -0.0),
        (True, 1),
        ("1", b"1"),
        (None, "none"),
        (["ab", "c"], ["a", "bc"]),
        ([[1], 2], [[1, 2]]),
        (np.arange(4), np.arange(4).reshape(2, 2)),
        (np.arange(4), np.arange(4, dtype=np.int32)),
        ({1: "a"}, {1: "b"}),
        (_Thing(np.arange(2), {}), _Thing(np.arange(3), {})),
        (pa.table({"a": [1, 2]}), pa.table({"b": [1, 2]})),
        (pa.array([1, None]), pa.array([1, 0])),
    ],
)
def test_other_contents_have_another_digest(one: object, other: object) -> None:
    assert digest(one) != digest(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (np.int64(3), 3),
        ({1: "a", 2: "b"}, {2: "b", 1: "a"}),
        (_Pair(1, 2.0), (1, 2.0)),
        (np.arange(6)[::2], np.array([0, 2, 4])),
        (np.arange(3, dtype=">i8"), np.arange(3)),
        (np.asfortranarray(np.eye(3)), np.eye(3)),
        (_Thing(np.array([np.nan]), {1: "x"}), _Thing(np.array([np.nan]), {1: "x"})),
        (pa.table({"a": [1, 2, 3]}).slice(1), pa.table({"a": [2, 3]})),
        (pa.chunked_array([[1.0], [2.0]]), pa.chunked_array([[1.0, 2.0]])),
        (pa.chunked_array([["a"], [None]]), pa.array(["a", None])),
    ],
)
def test_the_same_contents_have_the_same_digest_whatever_holds_them(one: object, other: object) -> None:
    assert digest(one) == digest(other)


def test_what_has_no_contents_has_no_digest() -> None:
    with pytest.raises(TypeError, match="function"):
        digest([lambda: None])


def test_a_run_has_another_key_as_soon_as_anything_that_counts_is_another() -> None:
    given = {"start_tai_ns": 10, "duration_s": 1.0, "threshold_km": 5.0, "volumes": None, "exclusions": None}
    catalogue = _Thing(np.arange(3.0), {})
    key = run_key(catalogue, **given)  # type: ignore[arg-type]
    assert key == run_key(_Thing(np.arange(3.0), {}), **given)  # type: ignore[arg-type]
    changes: list[dict[str, object]] = [
        {"start_tai_ns": 11},
        {"duration_s": 2.0},
        {"threshold_km": 4.0},
        {"volumes": (np.zeros(3),)},
        {"exclusions": PairsLeftOut(primary=np.array([True, False, False]))},
        {"exclusions": np.zeros(3, dtype=np.int64)},
    ]
    others = [run_key(catalogue, **{**given, **change}) for change in changes]  # type: ignore[arg-type]
    others.append(run_key(_Thing(np.arange(4.0), {}), **given))  # type: ignore[arg-type]
    assert len({key, *others}) == len(changes) + 2
