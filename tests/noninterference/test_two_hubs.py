"""Two hubs that differ only in what a partner may not see answer him with the same bytes.

Differences: records (of originators that show him nothing, under labels that he is not cleared for, of other data
modes, under an embargo, conjunctions with one such parent), how they were batched, rules about others, other partners,
withdrawals of records that he never saw. Questions: every endpoint and format, before and after withdrawals and after
time has passed. ``SSA_HUB_EXAMPLES_TIMES=50`` asks in 10,000 worlds (nightly); that the property bites is shown by
``test_mutations``.
"""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ssa_hub.release.partner import Posture
from tests.api.records import PUBLIC, Row, kind_of
from tests.api.served_hub import ServedHub, served_hub
from tests.noninterference.questions import Question, answers, sampled
from tests.noninterference.worlds import ASKER, LABELS, World, worlds

EXAMPLES = 50 * int(os.environ.get("SSA_HUB_EXAMPLES_TIMES", "1"))
# Who only wants to know whether it fails needs no smallest example of it.
PHASES = (Phase.generate,) if "SSA_HUB_NO_SHRINKING" in os.environ else tuple(Phase)
OTHERS = """
[[rule]]
id = "warden"
kinds = ["elements", "derived-conjunctions", "conjunction-messages", "ephemerides"]
partners = ["WARDEN"]
data_modes = ["REAL", "EXERCISE"]
fields = ["*"]
delay_s = 7
"""


def fill(hub: ServedHub, world: World, rows: list[Row], *, other_rules: bool, batched: bool) -> None:
    """Put a world's rules and records into a hub."""
    hub.same_secrets()
    hub.enrol(world.partners)
    hub.agree(*(text + OTHERS if other_rules else text for text in world.agreements.values()))
    if other_rules:
        hub.enrol('[[partner]]\nname = "ONE MORE"\n')
        hub.agree(f'originator = "HERMIT"\n{OTHERS}')
    if world.posture is not Posture.PEACETIME:
        hub.state.agreements.set_posture(world.posture, set_by="test", now_tai_ns=hub.clock())
    batches: list[list[Row]] = []
    for row in rows:
        if batched and batches and kind_of(row) is kind_of(batches[-1][-1]):
            batches[-1].append(row)
        else:
            batches.append([row])
    hub.record(*batches, labels=LABELS if batched else (*LABELS, PUBLIC))
    hub.issue_tear_lines()


def the_same(hubs: tuple[ServedHub, ServedHub], asked: list[Question], when: str) -> None:
    """Ask both, and compare."""
    for question in asked:
        first, second = (answers(hub.client(ASKER), question) for hub in hubs)
        assert first == second, (when, question)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_a_partner_cannot_tell_two_hubs_apart_that_differ_in_what_he_may_not_see(part: int) -> None:
    @given(st.data())
    @settings(
        max_examples=EXAMPLES,
        phases=PHASES,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    def ask(data: st.DataObject) -> None:
        world = data.draw(worlds(), label="world")
        ids = sorted({row["record_id"] for row in (*world.first, *world.second)})
        with (
            tempfile.TemporaryDirectory() as directory,
            served_hub(Path(directory, "first")) as first,
            served_hub(Path(directory, "second")) as second,
        ):
            fill(first, world, world.first, other_rules=False, batched=True)
            fill(second, world, world.second, other_rules=world.rules_differ, batched=False)
            hubs = (first, second)
            names = ids + [first.shown_id(ASKER, name) for name in ids]
            the_same(hubs, data.draw(sampled(names), label="first questions"), "at first")
            for row in world.withdrawn:
                for hub, rows in zip(hubs, (world.first, world.second), strict=True):
                    if row in rows:
                        hub.withdraw(row)
            for hub in hubs:
                hub.clock.advance_s(world.advance_s)
                hub.issue_tear_lines()
            the_same(hubs, data.draw(sampled(names), label="later questions"), "later")

    ask()
