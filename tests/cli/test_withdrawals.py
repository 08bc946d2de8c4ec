"""withdraw and withdrawals: on a real state and history."""

from pathlib import Path

import pytest

from ssa_hub.history.store import History
from ssa_hub.release.ledger import Channel, Disclosure
from ssa_hub.sharing.disclosures import Disclosures
from ssa_hub.state.store import State
from tests.cli.conftest import Command
from tests.history.examples import START_TAI_NS, element_row, elements

OLD, NEW = "0a" * 16, "0b" * 16


@pytest.fixture(autouse=True)
def two_orbits(data_dir: Path, state: State) -> None:
    """Two orbits of AQUILA's object; BOREAL has got the newer one."""
    given = {"originator": "AQUILA", "data_mode": "REAL"}
    rows = elements(
        element_row(OLD, **given), element_row(NEW, **given, epoch_tai_ns=START_TAI_NS + 1, payload_sha256="cd" * 32)
    )
    where = data_dir / "history"
    with History.open(where, f"sqlite:///{where / 'catalogue.sqlite'}") as history:
        history.append("elements", rows, positions={})
    with state.transaction() as connection:
        state.recorded.insert(connection, "elements", rows)
        state.newest.upsert(connection, rows)
    Disclosures(state).record(
        [
            Disclosure(
                partner="BOREAL",
                originator="AQUILA",
                channel=Channel.PAGE,
                kind="elements",
                data_mode="REAL",
                policy_version="v",
                agreement_version="v",
                rule="coalition",
                posture="peacetime",
                pseudonymous=False,
                record_ids=bytes.fromhex(NEW),
                records=1,
            )
        ]
    )


def test_a_record_is_withdrawn_listed_and_shown(state: State, command: Command) -> None:
    assert command("withdrawals", "list").stdout == "nothing was withdrawn\n"
    made = command("withdraw", "AQUILA", "--record", NEW, "--reason", "wrong", "--keep-reason")
    assert made.exit_code == 0, made.stderr
    assert state.newest.elements("REAL").column("record_id").to_pylist() == [OLD]
    shown_id = made.stdout.splitlines()[0].split()[1]
    assert "reason      wrong (recipients are not told)" in made.stdout
    assert "BOREAL: 1 records and 0 conjunctions, 0 tear-lines by page; not told yet, not confirmed" in made.stdout
    assert command("withdrawals", "show", shown_id).stdout == made.stdout
    (line,) = command("withdrawals", "list").stdout.splitlines()
    assert line.startswith(shown_id)
    assert line.endswith("AQUILA: 1 records, 0 of 1 recipients have confirmed")
    again = command("withdraw", "AQUILA", "--record", NEW, "--reason", "wrong")
    assert (again.exit_code, again.stderr) == (1, "ssa-hub: all of it is withdrawn already\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--record", "0c" * 16], "not all of it exists and is of 'AQUILA'; nothing was withdrawn"),
        (["--payload", "0c" * 32], "not all of it exists and is of 'AQUILA'; nothing was withdrawn"),
        ([], "give either --record, once or several times, or --payload"),
        (["--record", NEW, "--payload", "0c" * 32], "give either --record, once or several times, or --payload"),
        (["--record", "x"], "'x' is no id: a record's has 32 hexadecimal digits, a payload's SHA-256 64"),
    ],
)
def test_a_mistake_withdraws_nothing_and_is_told(
    state: State, command: Command, arguments: list[str], said: str
) -> None:
    result = command("withdraw", "AQUILA", *arguments, "--reason", "wrong")
    assert (result.exit_code, result.stderr) == (1, f"ssa-hub: {said}\n")
    assert state.withdrawals.all() == []


def test_a_withdrawal_that_is_none_is_an_error(command: Command) -> None:
    result = command("withdrawals", "show", "0" * 32)
    assert (result.exit_code, "there is no withdrawal" in result.stderr) == (1, True)
