"""The service of tear-lines over a real state, on both databases."""

from typing import Any

import pyarrow as pa
from sqlalchemy import update

from schemas.records import CONJUNCTION_SCHEMA
from ssa_hub.release.agreement import read_agreement
from ssa_hub.release.partner import read_partners
from ssa_hub.services.tear_lines import TearLineService, Turn
from ssa_hub.sharing.policies import Policies
from ssa_hub.sharing.tear_line_budget import TearLineBudgets
from ssa_hub.sharing.tear_lines_shown import TearLinesShown
from ssa_hub.state.store import State
from ssa_hub.state.tables import recorded
from tests.api.records import NOW_TAI_NS, PUBLIC, SECRET
from tests.api.test_tear_lines import ALPHA, OMEGA, PARTNERS, near

_LATER_NS = NOW_TAI_NS + 8 * 86_400 * 10**9


def _fill(state: State, *rows: dict[str, Any]) -> None:
    for partner in read_partners(PARTNERS, "partners.toml"):
        state.partners.put(partner)
    for text in (ALPHA, OMEGA):
        read = read_agreement(text, "agreement.toml")
        state.agreements.activate(read.originator, read.version, file=read.file, text=text, now_tai_ns=NOW_TAI_NS)
    with state.transaction() as connection:
        state.labels.intern(connection, (PUBLIC, SECRET))
        state.recorded.insert(connection, "conjunctions", pa.Table.from_pylist(list(rows), CONJUNCTION_SCHEMA))
        # `insert` asks the machine's clock, which knows nothing of the test's own.
        connection.execute(update(recorded).values(recorded_tai_ns=NOW_TAI_NS))


def _service(state: State) -> TearLineService:
    return TearLineService(state, Policies(state), "test", lambda: NOW_TAI_NS)


def test_statements_are_kept_told_and_counted_once(state: State) -> None:
    times_s = {"one": 3_700.0, "two": 9_700.0, "three": 15_700.0}
    _fill(state, *(near(name, tca_s=tca_s) for name, tca_s in times_s.items()))
    assert _service(state).turn() == Turn(2, 1)
    assert _service(state).turn() == Turn(0, 0)
    notices = state.notices.due("BETA", "REAL", now_tai_ns=NOW_TAI_NS, limit=10)
    policies = Policies(state)
    shown, beta = TearLinesShown(state, policies), policies.rules().partners["BETA"]
    assert [shown(beta, notice, NOW_TAI_NS) for notice in notices] == [True, True]
    (found,) = TearLineBudgets(state, policies, lambda: NOW_TAI_NS).about("OMEGA")
    assert (found.told, found.over_budget, found.left) == (2, 1, 0)
    (later,) = TearLineBudgets(state, policies, lambda: _LATER_NS).about("OMEGA")
    assert (later.told, later.left, later.told_ever) == (0, 2, 2)
