"""Keys that the hub makes for itself: one value for ever, whoever asks first."""

import threading

import pytest

from ssa_hub.state.store import State, open_state


def test_a_secret_is_made_once_and_kept(state: State, state_url: str) -> None:
    first = state.secrets.get_or_make("a", 32)
    assert (len(first), state.secrets.get_or_make("a", 32)) == (32, first)
    assert state.secrets.get_or_make("b", 32) != first
    with open_state(state_url) as again:
        assert again.secrets.get_or_make("a", 32) == first
    with pytest.raises(ValueError, match="32 bytes, not 16"):
        state.secrets.get_or_make("a", 16)


def test_all_who_ask_at_once_for_the_first_time_get_the_same(state: State) -> None:
    together = threading.Barrier(8)
    found: list[bytes] = []

    def ask() -> None:
        together.wait()
        found.append(state.secrets.get_or_make("new", 32))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
