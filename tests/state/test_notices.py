"""Notices: in the order in which they fall due, told once, confirmed once, each partner's own."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ssa_hub.state.store import State, open_state


def add(state: State, partner: str = "BETA", *, visible: int, now: int, kind: str = "withdrawal") -> int:
    with state.transaction() as connection:
        return state.notices.add(
            connection,
            partner=partner,
            kind=kind,
            data_mode="REAL",
            subject="7",
            originator="ALPHA",
            body=b'{"a":1}',
            visible_tai_ns=visible,
            now_tai_ns=now,
        )


def due(state: State, now: int, partner: str = "BETA", limit: int = 100, **given: object) -> list[int]:
    found = state.notices.due(partner, "REAL", now_tai_ns=now, limit=limit, **given)  # type: ignore[arg-type]
    return [row.id for row in found]


def test_a_notice_is_its_partners_alone_and_comes_back_as_it_was_written(state: State) -> None:
    number = add(state, visible=10, now=10)
    (row,) = state.notices.due("BETA", "REAL", now_tai_ns=10, limit=5)
    assert (row.id, row.partner, row.subject, row.originator, row.body) == (number, "BETA", "7", "ALPHA", b'{"a":1}')
    assert due(state, 10, "GAMMA") == []
    assert state.notices.due("BETA", "TEST", now_tai_ns=10, limit=5) == []
    assert state.notices.get(number, "GAMMA") is None
    assert state.notices.get(number, "BETA") == row


def test_a_notice_under_a_delay_falls_due_after_those_written_later(state: State) -> None:
    late, soon = add(state, visible=100, now=10), add(state, visible=20, now=20)
    assert due(state, 19) == []
    assert due(state, 99) == [soon]
    assert due(state, 100) == [soon, late]
    assert due(state, 100, after=soon) == [late]
    assert due(state, 100, after=late) == []
    assert state.notices.last_due("BETA", "REAL", 99) == soon
    assert state.notices.last_due("BETA", "REAL", 100) == late
    assert state.notices.last_due("BETA", "REAL", 1) is None


def test_a_clock_that_goes_back_puts_no_notice_before_one_that_was_read(state: State) -> None:
    first = add(state, visible=100, now=100)
    second = add(state, visible=40, now=50)
    assert due(state, 100, after=first) == [second]


def test_for_streams_what_was_never_told_comes_wherever_it_stands(state: State) -> None:
    first, second, third = (add(state, visible=10, now=10) for _ in range(3))
    state.notices.told([second], 11)
    assert due(state, 20, after=third) == []
    assert due(state, 20, after=third, with_untold=True) == [first, third]


def test_the_first_telling_and_the_first_confirmation_stay(state: State) -> None:
    number = add(state, visible=10, now=10)
    assert state.notices.confirm(number, "BETA", 11) is None, "he does not know of it yet"
    state.notices.told([number], 12)
    state.notices.told([number], 13)
    assert state.notices.confirm(number, "GAMMA", 14) is None
    assert state.notices.confirm(number, "BETA", 15) == 15
    assert state.notices.confirm(number, "BETA", 16) == 15
    (row,) = state.notices.about("withdrawal", "7")
    assert (row.told_tai_ns, row.confirmed_tai_ns) == (12, 15)


_WRITTEN = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 100)), max_size=12)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(written=_WRITTEN, limit=st.integers(1, 3))
def test_who_goes_on_after_what_he_read_gets_each_notice_once(
    tmp_path_factory: object, written: list[tuple[int, int]], limit: int
) -> None:
    directory = tmp_path_factory.mktemp("state")  # type: ignore[attr-defined]
    with open_state(f"sqlite:///{directory / 'state.sqlite'}") as state:
        now, after, read = 0, None, []
        for step, visible in [*written, (200, 0)]:
            now += step
            if (step, visible) != (200, 0):
                add(state, visible=visible, now=now)
            while found := due(state, now, limit=limit, after=after):
                read += found
                after = found[-1]
        assert sorted(read) == list(range(1, len(written) + 1))
