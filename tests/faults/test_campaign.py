"""The campaign in its short form, both sizes; ``python -m tests.faults`` runs the long one."""

from collections import Counter
from pathlib import Path

import pytest

from tests.faults.campaign import Volley, run_campaign
from tests.servers import ServerUnavailableError

# What starts slowly is killed together with something else, so that they start side by side.
EMBEDDED: list[Volley] = [
    ("hub killed",),
    ("hub paused",),
    ("hub killed",),
    ("hub stopped",),
    ("hub killed",),
]
DISTRIBUTED: list[Volley] = [
    ("database killed", "worker killed"),
    ("broker killed", "hub killed"),
    ("worker killed", "broker paused"),
    ("database killed", "hub killed"),
    ("broker killed", "worker killed"),
    ("database stopped", "worker paused"),
    ("hub killed", "broker killed", "database killed"),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "seed", "volleys"),
    [
        ("embedded", 1, EMBEDDED),
        pytest.param("distributed", 2, DISTRIBUTED, marks=[pytest.mark.kafka, pytest.mark.postgres]),
    ],
)
def test_what_was_acknowledged_under_faults_is_stored_once_and_in_order(
    tmp_path: Path, size: str, seed: int, volleys: list[Volley]
) -> None:
    try:
        report = run_campaign(tmp_path / "hub", size, 0.0, seed, volleys=volleys)
    except ServerUnavailableError as error:
        pytest.skip(str(error))
    print("\n".join(report.lines()))
    assert report.problems == [], "\n".join(report.lines())
    assert report.acknowledged > 100
    assert report.faults == Counter(kind for volley in volleys for kind in volley)
