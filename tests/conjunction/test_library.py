"""`from conjunction import screen`: orbits as people have them in, tables that they can use out."""

import gzip
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from conjunction import Catalogue, Owner, ScreeningVolume, read_orbits, screen
from conjunction import screening as core
from conjunction.library import screen as screen_itself
from schemas.messages import read_payload
from schemas.timescales import format_utc
from tests.conjunction.orbit_files import (
    START,
    START_TAI_NS,
    oem_text,
    omm_frame,
    satellite_of,
    satellites_of_population,
    tle_text,
)
from tests.conjunction.populations import all_regimes

SATELLITES = satellites_of_population(all_regimes()[:150])
TLE = tle_text(SATELLITES)
HOURS = 3.0
WINDOW = {"start": START, "duration_s": HOURS * 3600.0, "threshold_km": 40.0}
ONE = (15.2, 0.001, 53.0, 10.0, 20.0, 30.0, 1e-4)
NEAR = (15.2, 0.001, 53.0, 10.0, 20.0, 30.02, 1e-4)  # 2.4 km behind the one


@pytest.fixture(scope="module")
def from_text() -> pa.Table:
    found = screen(TLE, **WINDOW).to_arrow()
    assert found.num_rows > 20
    return found


def columns_of_ours() -> pa.Table:
    """Columns as `schemas.records.ELEMENT_FIELDS` calls them, with one of somebody's own beside them."""
    elements = pa.Table.from_batches([read_payload(TLE.encode(), "t").elements])
    return elements.append_column("my_note", pa.repeat("x", elements.num_rows))


def structured() -> np.ndarray:
    names = [
        name
        for name in columns_of_ours().column_names
        if name.endswith(("_deg", "_day", "_day2", "_day3", "_radius", "tai_ns", "number", "city", "cospar_id"))
    ]
    columns = {name: columns_of_ours().column(name) for name in names if name != "element_set_number"}
    arrays = {
        name: np.array(column.to_pylist(), dtype="S12") if pa.types.is_string(column.type) else column.to_numpy()
        for name, column in columns.items()
    }
    records = np.empty(len(SATELLITES), dtype=[(name, array.dtype) for name, array in arrays.items()])
    for name, array in arrays.items():
        records[name] = array
    return records


def csv_frame() -> pd.DataFrame:
    """As a person reads a gp.csv."""
    text = omm_frame(SATELLITES).to_csv(index=False)
    return pd.read_csv(io.StringIO(text), parse_dates=["EPOCH"]).assign(my_own=1)


def of_which_orbits(found: pa.Table) -> pa.Table:
    """What does not depend on how the input was called."""
    return found.drop_columns(["source_1", "source_2", "object_name_1", "object_name_2", "orbit_1", "orbit_2"])


FORMS: dict[str, Any] = {
    "bytes": TLE.encode(),
    "gzip": gzip.compress(TLE.encode()),
    "our columns": columns_of_ours(),
    "record batch": columns_of_ours().combine_chunks().to_batches()[0],
    "pandas with our columns": columns_of_ours().to_pandas(),
    "structured array": structured(),
    "several": [tle_text(SATELLITES[:70]), [tle_text(SATELLITES[70:])]],
    "a reading": read_payload(TLE.encode(), "t"),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_same_elements_give_the_same_conjunctions_bit_for_bit_in_any_form(form: str, from_text: pa.Table) -> None:
    assert of_which_orbits(screen(FORMS[form], **WINDOW).to_arrow()).equals(of_which_orbits(from_text))


@pytest.mark.parametrize(
    "orbits",
    [SATELLITES, csv_frame(), pa.Table.from_pandas(csv_frame()), omm_frame(SATELLITES)],
    ids=["Satrec", "CSV in pandas", "CSV in Arrow", "epochs as text"],
)
def test_elements_in_radians_or_with_epochs_to_a_microsecond_agree_to_a_metre(orbits: Any, from_text: pa.Table) -> None:
    found = screen(orbits, **WINDOW).to_arrow()
    for name in ("object_1", "object_2", "object_id_1"):
        assert found.column(name).equals(from_text.column(name))
    for name, most in (("miss_distance_km", 1e-3), ("relative_speed_km_s", 1e-6)):
        assert np.abs(found.column(name).to_numpy() - from_text.column(name).to_numpy()).max() < most


def test_a_path_may_be_text_or_path_plain_or_compressed(tmp_path: Path, from_text: pa.Table) -> None:
    plain, packed = tmp_path / "a.tle", tmp_path / "a.tle.gz"
    plain.write_text(TLE)
    packed.write_bytes(gzip.compress(TLE.encode()))
    for path in (plain, str(plain), packed):
        found = screen(path, **WINDOW).to_arrow()
        assert of_which_orbits(found).equals(of_which_orbits(from_text))
        assert found.column("source_1")[0].as_py() == str(path)


def test_keywords_of_omm_may_come_as_mappings(from_text: pa.Table) -> None:
    mappings = msgspec.json.decode(omm_frame(SATELLITES).to_json(orient="records", double_precision=15))
    assert len(screen(mappings, **WINDOW)) == from_text.num_rows


def test_a_catalogue_is_screened_as_the_core_does(from_text: pa.Table) -> None:
    catalogue = Catalogue.from_elements(columns_of_ours())
    found = screen(catalogue, **WINDOW)
    itself = core.screen(catalogue, start_tai_ns=START_TAI_NS, duration_s=HOURS * 3600.0, threshold_km=40.0)
    assert found.result.conjunctions.equals(itself.conjunctions)
    table = found.to_arrow()
    assert table.column("object_1").null_count == table.num_rows
    assert table.column("tca_utc").equals(from_text.column("tca_utc"))


def test_columns_are_those_of_the_core_in_km_and_utc(from_text: pa.Table) -> None:
    found = screen(TLE, **WINDOW)
    of_core = found.result.conjunctions
    for name in ("miss_distance", "relative_position_r", "relative_position_t", "relative_position_n"):
        assert np.array_equal(from_text.column(f"{name}_km").to_numpy(), of_core.column(f"{name}_m").to_numpy() * 1e-3)
    texts = [format_utc(int(tai_ns), 9) for tai_ns in of_core.column("tca_tai_ns").to_pylist()]
    assert [str(value) for value in from_text.column("tca_utc").to_numpy()] == texts
    number = np.array([satellite.satnum for satellite in SATELLITES])
    for which in ("1", "2"):
        index = of_core.column(f"index_{which}").to_numpy()
        assert np.array_equal(from_text.column(f"object_{which}").to_numpy(), number[index])
    assert pc.all(pc.less_equal(from_text.column("entry_utc"), from_text.column("tca_utc"))).as_py()
    assert pc.all(pc.less_equal(from_text.column("tca_utc"), from_text.column("exit_utc"))).as_py()


def test_the_same_result_in_arrow_pandas_and_numpy() -> None:
    found = screen([TLE, screen_of_unnumbered()], **WINDOW)
    arrow, frame, records = found.to_arrow(), found.to_pandas(), found.to_numpy()
    assert list(frame.columns) == list(records.dtype.names or ()) == arrow.column_names
    assert len(frame) == len(records) == arrow.num_rows == len(found)
    assert np.array_equal(records["miss_distance_km"], frame["miss_distance_km"].to_numpy())
    assert np.array_equal(records["tca_utc"], frame["tca_utc"].dt.tz_localize(None).to_numpy())
    assert frame["object_1"].dtype == "Int64"
    assert frame["object_2"].isna().any()
    assert np.array_equal(records["object_2"] == 0, frame["object_2"].isna().to_numpy())


def screen_of_unnumbered() -> pa.Table:
    """Element sets that nobody has numbered, near those of the population."""
    columns = columns_of_ours().slice(0, 60)
    moved = pc.add(columns.column("mean_anomaly_deg"), 0.05)
    place = columns.column_names.index("mean_anomaly_deg")
    return columns.set_column(place, "mean_anomaly_deg", moved).drop_columns(["catalogue_number", "cospar_id"])


def test_nothing_found_is_an_empty_table_of_the_same_columns() -> None:
    found = screen(tle_text([satellite_of(ONE, 40_000)]), start=START, days=0.01)
    assert len(found) == 0
    assert found.to_arrow().num_rows == len(found.to_numpy()) == len(found.to_pandas()) == 0
    assert found.left_out.num_rows == 0


def test_of_an_objects_element_sets_the_newest_counts() -> None:
    old = satellite_of((15.1, 0.001, 53.0, 10.0, 20.0, 90.0, 1e-4), 40_000, days_after_epoch=-1.0)
    new, near = satellite_of(ONE, 40_000), satellite_of(NEAR, 40_001)
    found = screen(tle_text([new, old, near]), start=START, days=0.05)
    assert found.counts["superseded"] == 1
    assert found.counts["orbits"] == 2
    assert set(found.to_arrow().column("object_1").to_pylist()) == {40_000}
    every = read_orbits(tle_text([new, old, near]), newest_only=False)
    assert every.objects.num_rows == 3
    assert every.same_object.tolist() == [0, 0, 1]


def test_an_analysts_number_is_an_object_of_its_source_only() -> None:
    one, other = tle_text([satellite_of(ONE, 80_001)]), tle_text([satellite_of(NEAR, 80_001)])
    found = screen([one, other], start=START, days=0.05)
    assert found.counts["superseded"] == 0
    assert len(found) > 0


def test_an_ephemeris_and_an_element_set_of_one_object_are_no_pair() -> None:
    satellite, near = satellite_of(ONE, 40_000), satellite_of(NEAR, 40_001)
    elements = tle_text([satellite, near])
    for object_id in ("2024-401U", "40000"):
        found = screen([elements, oem_text(satellite, "PLAN", object_id, 2.0)], start=START, days=0.05)
        assert found.counts["ephemerides"] == 1
        columns = found.to_arrow().select(["object_1", "orbit_1", "object_2", "orbit_2"]).to_pydict().values()
        kinds = set(zip(*columns, strict=True))
        assert kinds == {(40_000, "elements", 40_001, "elements"), (40_001, "elements", 40_000, "ephemeris")}


def test_an_ephemeris_of_an_object_that_nobody_has_numbered_keeps_its_own_name() -> None:
    near, plan = satellite_of(NEAR, 40_001), satellite_of(ONE, 40_000)
    found = screen([tle_text([near]), oem_text(plan, "PLAN-A", "UNKNOWN", 2.0)], start=START, days=0.05).to_arrow()
    assert found.num_rows > 0
    row = found.slice(0, 1).to_pylist()[0]
    assert (row["object_1"], row["object_2"], row["object_name_2"]) == (40_001, None, "PLAN-A")


def test_digits_that_are_another_objects_number_are_not_taken_for_one() -> None:
    orbits = read_orbits(
        [omm_frame([satellite_of(ONE, 40_000)]), oem_text(satellite_of(ONE, 1), "OTHER", "40000", 1.0)]
    )
    assert orbits.objects.column("catalogue_number").to_pylist() == [40_000, None]
    assert orbits.same_object.tolist() == [0, 1]
    same = read_orbits(
        [omm_frame([satellite_of(ONE, 40_000)]), oem_text(satellite_of(ONE, 1), "Object-40000", "40000", 1.0)]
    )
    assert same.objects.column("catalogue_number").to_pylist() == [40_000, 40_000]


def test_pairs_owners_and_all_but_primaries_are_left_out_by_name() -> None:
    satellites = [
        satellite_of((15.2, 0.001, 53.0, 10.0, 20.0, 30.0 + 0.01 * place, 1e-4), 40_000 + place) for place in range(4)
    ]

    def pairs(**choices: Any) -> set[tuple[int, int]]:
        found = screen(omm_frame(satellites), start=START, days=0.02, **choices).to_arrow()
        return set(zip(*(found.column(name).to_pylist() for name in ("object_1", "object_2")), strict=True))

    every = {(40_000 + one, 40_000 + other) for one in range(4) for other in range(one + 1, 4)}
    assert pairs() == every
    assert pairs(leave_out=[("40003", "OBJECT 40000")]) == every - {(40_000, 40_003)}
    assert pairs(leave_out=[("40000-40001", "40002")]) == every - {(40_000, 40_002), (40_001, 40_002)}
    owners = [Owner("40000", "A"), Owner("40001", "A"), Owner("40002", "A", False), Owner("40003", "B")]
    assert pairs(owners=owners) == every - {(40_000, 40_001)}
    assert pairs(primaries=["2024-404U"]) == {pair for pair in every if 40_003 in pair}


def test_a_volume_counts_and_not_the_sphere_for_the_object_that_has_it() -> None:
    satellites = [satellite_of(ONE, 40_000), satellite_of(NEAR, 40_001)]
    small = ScreeningVolume("box", 0.1, 0.1, 0.1)
    long = ScreeningVolume("box", 0.5, 5.0, 0.5)
    window: dict[str, Any] = {"start": START, "days": 0.05, "threshold_km": 5.0}
    assert len(screen(tle_text(satellites), **window, volumes={"*": small})) == 0
    assert len(screen(tle_text(satellites), **window, volumes={"*": small, "40001": long})) > 0


def test_refused_records_are_told_and_the_rest_is_screened(from_text: pa.Table) -> None:
    found = screen(TLE + TLE[:138].replace("53.0000", "53.00x0"), **WINDOW)
    assert of_which_orbits(found.to_arrow()).equals(of_which_orbits(from_text))
    assert found.counts["refused"] == len(found.orbits.refusals) == 1


def test_orbits_left_out_are_named_with_the_reason() -> None:
    decayed = satellite_of((16.6, 0.0002, 53.0, 10.0, 20.0, 30.0, 0.05), 40_009)
    found = screen(tle_text([*SATELLITES[:5], decayed]), start=START, days=1)
    (row,) = found.left_out.to_pylist()
    assert (row["object"], row["object_id"]) == (40_009, "2024-410U")
    assert row["reason"].startswith("SGP4 error")
    assert found.left_out_by_reason == {row["reason"]: 1}
    assert found.counts["left_out"] == 1


def test_conjunction_messages_are_passed_by_and_counted() -> None:
    from tests.schemas.seeds import seed

    found = screen([seed("cdm-kvn"), TLE], **WINDOW)
    assert found.orbits.messages_passed_by == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"start": START}, "days or as duration_s"),
        ({"start": START, "days": 1, "duration_s": 3.0}, "days or as duration_s"),
        ({"start": START, "days": -1}, "positive and finite"),
        ({"start": START, "days": 1, "threshold_km": 0.0}, "positive and finite"),
        ({"start": START, "days": 1, "threads": 0}, "from 1 on"),
        ({"start": "noon", "days": 1}, "not a UTC time"),
        ({"start": START, "days": 1, "primaries": ["99999"]}, "none of the primaries"),
        ({"start": START, "days": 1, "leave_out": [("3-1", "5")]}, "from the smaller to the larger"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        screen(TLE, **arguments)


@pytest.mark.parametrize(
    ("orbits", "error", "said"),
    [
        (3.5, TypeError, "cannot be made of a float"),
        (pd.DataFrame({"a": [1]}), ValueError, "neither mean_motion_rev_per_day"),
        (columns_of_ours().drop_columns(["eccentricity"]), ValueError, "column eccentricity is missing"),
        (columns_of_ours().drop_columns(["epoch_tai_ns", "epoch_utc"]), ValueError, "epoch_tai_ns or epoch_utc"),
        (np.zeros((3, 7)), ValueError, "structured array"),
        ("no/such/file.tle", FileNotFoundError, "no/such/file"),
    ],
)
def test_orbits_that_are_none_are_refused(orbits: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        screen(orbits, start=START, days=1)


def test_a_satrec_of_another_gravity_model_is_refused() -> None:
    from sgp4.api import WGS84, Satrec

    other = Satrec.twoline2rv(*tle_text(SATELLITES[:1]).splitlines(), WGS84)
    with pytest.raises(ValueError, match="WGS-72"):
        screen([other], start=START, days=1)


def test_the_package_imports_its_heavy_rooms_only_when_asked() -> None:
    program = (
        "import sys, conjunction; assert 'numba' not in sys.modules and 'pyarrow' not in sys.modules; "
        "assert 'screen' in dir(conjunction); from conjunction import screen; assert 'numba' in sys.modules; "
        "assert 'matplotlib' not in sys.modules and 'distributed' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_every_public_name_is_there_and_no_other() -> None:
    import conjunction

    assert conjunction.screen is screen_itself
    assert all(getattr(conjunction, name) is not None for name in conjunction.__all__)
    assert set(conjunction.__all__) == set(conjunction._ROOM_OF)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = conjunction.no_such_name
