"""Hubs for the API's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.records import PUBLIC, SECRET, at_s, conjunction, element
from tests.api.rules import ALPHA, DELTA, OMEGA, PARTNERS
from tests.api.served_hub import ServedHub, served_hub

ELEMENTS = [
    element("iss, old", epoch=-300, received_s=-200_000),
    element("iss, new", epoch=-200, received_s=-100_000),
    element("starlink", 44714, object_name="STARLINK-1008", epoch=-150),
    # Space-Track's alpha-5 and the six-digit numbers of an analyst: an id of its source's own
    element("analyst", 270001, object_name=None, cospar_id=None, element_set_number=None),
    element("iss of delta", originator="DELTA", epoch=-100, received_s=-1_800),
    element("delta's own", 43013, originator="DELTA", received_s=-7_200),
    element("iss of omega", originator="OMEGA", epoch=-50),
    element("iss of hermit", originator="HERMIT", epoch=-10),
    element("hermit's own", 20580, originator="HERMIT"),
    element("secret", 39084, label=SECRET),
    element("exercise", 25544, data_mode="EXERCISE", epoch=-1),
]
CONJUNCTIONS = [
    conjunction(
        "near",
        tca_s=600,
        miss_distance_m=120.0,
        approach_angle_deg=61.5,
        entry_tai_ns=at_s(599.5),
        exit_tai_ns=at_s(600.5),
    ),
    conjunction("far", 25544, 44714, tca_s=1_200, miss_distance_m=4_800.0),
    conjunction("with omega", tca_s=1_800, miss_distance_m=900.0, originators=("ALPHA", "OMEGA")),
    conjunction("with hermit", tca_s=2_400, miss_distance_m=1.0, originators=("ALPHA", "HERMIT")),
    conjunction("with delta", tca_s=3_000, received_s=-1_800, originators=("ALPHA", "DELTA")),
    conjunction("of delta", tca_s=3_600, received_s=-7_200, originators=("DELTA", "DELTA")),
    conjunction("secret", 25544, 39084, tca_s=4_200, labels=(PUBLIC, SECRET)),
]


def fill(hub: ServedHub) -> ServedHub:
    """Partners, agreements, and all of the above, recorded in the order in which it was received."""
    hub.enrol(PARTNERS)
    hub.agree(ALPHA, DELTA, OMEGA)
    instants = sorted({row["received_tai_ns"] for row in (*ELEMENTS, *CONJUNCTIONS)})
    batches = [
        [row for row in rows if row["received_tai_ns"] == instant]
        for instant in instants
        for rows in (ELEMENTS, CONJUNCTIONS)
    ]
    hub.record(*(batch for batch in batches if batch), labels=(PUBLIC, SECRET))
    return hub


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedHub]:
    """A filled hub that a module's tests share: they only ask."""
    with served_hub(tmp_path_factory.mktemp("hub")) as served:
        yield fill(served)


@pytest.fixture
def own_hub(tmp_path: Path) -> Iterator[ServedHub]:
    """A filled hub of a test's own, which it may change."""
    with served_hub(tmp_path) as served:
        yield fill(served)


@pytest.fixture
def recording_hub(tmp_path: Path) -> Iterator[ServedHub]:
    """A hub with partners and rules and no records, which records what is pushed."""
    with served_hub(tmp_path, recording=True) as served:
        served.enrol(PARTNERS)
        served.agree(ALPHA, DELTA, OMEGA)
        yield served
