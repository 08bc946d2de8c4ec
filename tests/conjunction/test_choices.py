"""Which objects somebody means, and what he writes about them."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from conjunction import ChoiceError, Owner, ScreeningVolume, read_orbits
from conjunction.choice_texts import read_owners, read_volumes, volume_of_text
from conjunction.choices import Choices, chosen
from conjunction.orbits import ORBITS_SCHEMA
from conjunction.selection import Selection, is_pattern
from tests.conjunction.orbit_files import omm_frame, satellite_of

OBJECTS = pa.Table.from_pylist(
    [
        {"catalogue_number": number, "object_name": name, "object_id": object_id, "kind": "elements", "source": "a",
         "input_row": 0}
        for number, name, object_id in [
            (25544, "ISS (ZARYA)", "1998-067A"),
            (44713, "STARLINK-1007", "2019-074A"),
            (44714, "STARLINK-1008", "2019-074B"),
            (None, "PLAN-A", "OPS-7"),
            (25544, "ISS (ZARYA)", "1998-067A"),
            (99, None, None),
        ]
    ],
    schema=ORBITS_SCHEMA,
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("25544", [0, 4]),
        (" 25544 ", [0, 4]),
        ("1998-067A", [0, 4]),
        ("44713-44714", [1, 2]),
        ("100-200", []),
        ("starlink-1007", [1]),
        ("STARLINK*", [1, 2]),
        ("STARLINK-100[78]", [1, 2]),
        ("ISS (ZARYA)", [0, 4]),
        ("PLAN-A", [3]),
        ("OPS-7", [3]),
        ("*", [0, 1, 2, 3, 4, 5]),
        ("NOBODY", []),
        ("7", []),
    ],
)
def test_an_object_is_meant_by_number_range_designator_or_name(text: str, rows: list[int]) -> None:
    assert Selection(OBJECTS).chosen(text).tolist() == rows


@pytest.mark.parametrize("text", ["", "  ", "5-3"])
def test_what_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"means no object|from the smaller"):
        Selection(OBJECTS).chosen(text)


def test_a_class_is_told_from_a_single_object() -> None:
    assert [is_pattern(text) for text in ("*", "STAR?", "1-5", "25544", "1998-067A", "PLAN-A")] == [True] * 3 + [
        False
    ] * 3


def test_a_single_object_goes_before_a_class_and_the_first_class_before_the_next() -> None:
    orbits = read_orbits(
        omm_frame([satellite_of((15.2, 0.001, 53.0, 1.0, 2.0, 30.0 * n, 0.0), 40_000 + n) for n in range(4)])
    )
    one, two, three = (ScreeningVolume("box", size, size, size) for size in (1.0, 2.0, 3.0))
    choice = chosen(Choices({"40000-40002": one, "40001": two, "OBJECT*": three, "41000": one}), orbits)
    assert choice.volumes is not None
    assert [choice.volumes.volumes[number] for number in choice.volumes.of_row] == [one, two, one, three]
    assert choice.without_orbit == ["41000"]


def test_no_choice_is_no_volume_and_leaves_out_only_one_objects_orbits() -> None:
    orbits = read_orbits(omm_frame([satellite_of((15.2, 0.001, 53.0, 1.0, 2.0, 30.0, 0.0), 40_000)]))
    choice = chosen(Choices(), orbits)
    assert choice.volumes is None
    assert choice.pairs_excluded(np.array([0], dtype=np.int32), np.array([0], dtype=np.int32)).tolist() == [True]


def test_a_volume_is_written_in_a_word() -> None:
    assert volume_of_text("box:2,25,25") == ScreeningVolume("box", 2.0, 25.0, 25.0)
    assert volume_of_text("ellipsoid: 0.4, 44, 51") == ScreeningVolume("ellipsoid", 0.4, 44.0, 51.0)


@pytest.mark.parametrize(
    "text", ["", "box", "box:1,2", "box:1,2,3,4", "box:1,2,x", "box:0,1,1", "box:-1,1,1", "box:nan,1,1", "ball:1,1,1"]
)
def test_what_is_no_volume_is_refused(text: str) -> None:
    with pytest.raises(ChoiceError, match=r"box|ellipsoid|positive"):
        volume_of_text(text)


def test_volumes_and_owners_are_read_from_csv(tmp_path: Path) -> None:
    volumes, owners = tmp_path / "volumes.csv", tmp_path / "owners.csv"
    volumes.write_text(
        "object,shape,radial_km,transverse_km,normal_km\nSTARLINK*,ellipsoid,0.4,44,51\n25544, box,2,25,25\n"
    )
    assert read_volumes(volumes) == {
        "STARLINK*": ScreeningVolume("ellipsoid", 0.4, 44.0, 51.0),
        "25544": ScreeningVolume("box", 2.0, 25.0, 25.0),
    }
    owners.write_text("catalogue_number,owner,flag\n44713,A,1\n44714,A,no\n")
    assert read_owners(owners) == [Owner("44713", "A"), Owner("44714", "A", False)]
    owners.write_text("\ufeffcatalogue_number,owner\n44713,A\n", encoding="utf-8")
    assert read_owners(owners) == [Owner("44713", "A")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "columns catalogue_number,owner"),
        ("catalogue_number\n1\n", "columns catalogue_number,owner"),
        ("catalogue_number,owner,colour\n1,A,red\n", "columns catalogue_number,owner"),
        ("catalogue_number,owner\n1\n", "2: 2 values"),
        ("catalogue_number,owner\n1,A,1\n", "2: 2 values"),
        ("catalogue_number,owner,flag\n1,A,maybe\n", "2: flag = 'maybe'"),
        ("catalogue_number,owner\n1,\n", "2: owner is empty"),
    ],
)
def test_a_file_of_owners_with_a_mistake_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "owners.csv"
    path.write_text(text)
    with pytest.raises(ChoiceError, match=said):
        read_owners(path)


def test_a_file_of_volumes_with_a_mistake_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "volumes.csv"
    path.write_text("object,shape,radial_km,transverse_km,normal_km\n25544,box,2,25,\n")
    with pytest.raises(ChoiceError, match=r"volumes\.csv:2: 'box:2,25,'"):
        read_volumes(path)
