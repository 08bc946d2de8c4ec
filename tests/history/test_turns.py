"""Turns: one at a time among threads and processes, given back by the dying, and never a reason not to commit."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine

from ssa_hub.history.turns import Turns

# Longer than any test: who waits so long for a turn that is free waits for ever.
_EVER_S = 3600.0
_HOLDER = """
import sys, time
from sqlalchemy import create_engine
from ssa_hub.history.turns import Turns
with Turns(create_engine(sys.argv[1])).turn("elements"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def engine(catalogue_uri: str) -> Iterator[Engine]:
    """A database of each kind."""
    engine = create_engine(catalogue_uri)
    yield engine
    engine.dispose()


def waited_s(turns: Turns, table: str = "elements") -> float:
    began = time.monotonic()
    with turns.turn(table):
        return time.monotonic() - began


def test_a_turn_is_waited_for_and_taken_without_in_the_end(engine: Engine) -> None:
    with Turns(engine).turn("elements"):
        assert waited_s(Turns(engine, patience_s=0.3)) >= 0.3
        assert waited_s(Turns(engine, patience_s=_EVER_S), "conjunctions") < _EVER_S
    assert waited_s(Turns(engine, patience_s=_EVER_S)) < _EVER_S


def test_threads_take_turns(engine: Engine) -> None:
    shared, others = Turns(engine, patience_s=_EVER_S), Turns(engine, patience_s=_EVER_S)
    inside, most = 0, 0

    def work(turns: Turns) -> None:
        nonlocal inside, most
        for _ in range(20):
            with turns.turn("elements"):
                inside += 1
                most = max(most, inside)
                threading.Event().wait(0.001)
                inside -= 1

    threads = [threading.Thread(target=work, args=(turns,)) for turns in (shared, shared, shared, others, others)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_who_is_killed_gives_the_turn_back(engine: Engine) -> None:
    url = engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", _HOLDER, url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert waited_s(Turns(engine, patience_s=0.2)) >= 0.2
        holder.kill()
        assert holder.wait() == -signal.SIGKILL
        assert waited_s(Turns(engine, patience_s=_EVER_S)) < _EVER_S


def test_where_no_turn_can_be_had_the_work_is_done_all_the_same() -> None:
    for url in ("sqlite:////nowhere/at/all", "postgresql+psycopg://nobody@127.0.0.1:1/nothing"):
        assert waited_s(Turns(create_engine(url), patience_s=_EVER_S)) < _EVER_S
    assert waited_s(Turns(None, patience_s=_EVER_S)) < _EVER_S


def test_what_fails_within_a_turn_is_raised_and_the_turn_given_back(engine: Engine) -> None:
    with pytest.raises(KeyError, match="mine"), Turns(engine).turn("elements"):
        raise KeyError("mine")
    assert waited_s(Turns(engine, patience_s=_EVER_S)) < _EVER_S
