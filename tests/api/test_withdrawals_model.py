"""Records come, are read, withdrawn and confirmed, in any order: the hub against a simple model of it."""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.api.answers import ids
from tests.api.records import PUBLIC, element, record_id
from tests.api.rules import ALPHA, PARTNERS
from tests.api.served_hub import ServedHub, served_hub
from tests.api.test_stream import stream

OBJECTS = (25544, 43013, 20580)


class Withdrawals(RuleBasedStateMachine):
    """ALPHA's records, which BETA sees whole, and those that he was told of."""

    hub: ServedHub

    def __init__(self) -> None:
        super().__init__()
        self._open = ExitStack()
        directory = self._open.enter_context(tempfile.TemporaryDirectory())
        self.hub = self._open.enter_context(served_hub(Path(directory)))
        self.hub.enrol(PARTNERS)
        self.hub.agree(ALPHA)
        self.there: dict[str, tuple[int, int, int, str]] = {}
        self.withdrawn: set[str] = set()
        self.read: set[str] = set()
        self.told: set[str] = set()
        self.confirmed: dict[str, str] = {}

    def teardown(self) -> None:
        self._open.close()

    def visible(self) -> set[str]:
        return self.there.keys() - self.withdrawn

    def newest(self) -> list[str]:
        """Per object the latest epoch, then the latest received, then the greatest id."""
        best = [max((self.there[i] for i in self.visible() if self.there[i][0] == n), default=None) for n in OBJECTS]
        return sorted(one[3] for one in best if one is not None)

    @rule(rows=st.lists(st.tuples(st.sampled_from(OBJECTS), st.integers(-9, -1)), min_size=1, max_size=4))
    def come(self, rows: list[tuple[int, int]]) -> None:
        batch: list[dict[str, Any]] = []
        for number, epoch in rows:
            name = f"{len(self.there)}"
            batch.append(element(name, number, epoch=epoch, received_s=-10_000 + len(self.there)))
            received = batch[-1]["received_tai_ns"]
            self.there[record_id(name)] = (number, batch[-1]["epoch_tai_ns"], received, record_id(name))
        self.hub.record(batch, labels=(PUBLIC,))

    @rule()
    def read_page(self) -> None:
        shown = ids(self.hub.client("BETA").get("/v1/elements"))
        assert sorted(shown) == self.newest()
        self.read |= set(shown)

    @rule()
    def read_stream(self) -> None:
        shown = [event.data["record_id"] for event in stream(self.hub, from_beginning=True, kind="elements")]
        assert sorted(shown) == sorted(self.visible())
        self.read |= set(shown)

    @precondition(lambda self: self.there)
    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        chosen = data.draw(st.lists(st.sampled_from(sorted(self.there)), min_size=1, max_size=3, unique=True))
        unknown = data.draw(st.sampled_from([[], [], [], ["0" * 32]]))
        body = {"reason": "wrong", "record_ids": [*chosen, *unknown]}
        answer = self.hub.client("ALPHA").post("/v1/withdrawals", json=body)
        if unknown:
            assert answer.status_code == 404
        elif not set(chosen) - self.withdrawn:
            assert answer.status_code == 409
        else:
            assert answer.status_code == 201, answer.text
            assert set(answer.json()["record_ids"]) == set(chosen) - self.withdrawn
            self.told |= (set(chosen) - self.withdrawn) & self.read
            self.withdrawn |= set(chosen)

    @rule(data=st.data())
    def confirm(self, data: st.DataObject) -> None:
        notices = self.hub.client("BETA").get("/v1/notices").json()["items"]
        listed = [record for notice in notices for record in notice["withdrawal"]["record_ids"]]
        assert len(listed) == len(set(listed))
        assert set(listed) == self.told
        assert {n["notice_id"]: n["confirmed_utc"] for n in notices if n["confirmed_utc"]} == self.confirmed
        if notices:
            one = data.draw(st.sampled_from([notice["notice_id"] for notice in notices]))
            self.hub.clock.advance_s(1)
            when = self.hub.client("BETA").post(f"/v1/notices/{one}/confirm").json()["confirmed_utc"]
            assert self.confirmed.setdefault(one, when) == when

    @rule()
    def look_at_withdrawals(self) -> None:
        client = self.hub.client("ALPHA")
        outstanding = 0
        gone: set[str] = set()
        for one in client.get("/v1/withdrawals").json()["items"]:
            report = client.get(f"/v1/withdrawals/{one['withdrawal_id']}").json()
            outstanding += report["outstanding"]
            gone |= set(report["record_ids"])
        assert gone == self.withdrawn
        notices = self.hub.state.notices.of("BETA")
        assert outstanding == len(notices) - len(self.confirmed)

    @invariant()
    def the_newest_orbits_are_those_of_the_model(self) -> None:
        assert sorted(self.hub.state.newest.elements("REAL").column("record_id").to_pylist()) == self.newest()


TestWithdrawals = Withdrawals.TestCase
TestWithdrawals.settings = settings(
    max_examples=6, stateful_step_count=12, suppress_health_check=list(HealthCheck), deadline=None
)
