"""A ledger of the tests' own in a state: some days of disclosures, closed and open."""

from ssa_hub.release.ledger import Channel, utc_day
from ssa_hub.state.store import State
from tests.release.ledgers import DAY_NS, HOUR_NS, NOON_TAI_NS, disclosure

FIRST_DAY = utc_day(NOON_TAI_NS)


def fill(state: State) -> None:
    """Three days with entries, closed, with an empty day among them, and one that is open."""
    for days in (0, 1, 3):
        for hours in (0, 2):
            now = NOON_TAI_NS + days * DAY_NS + hours * HOUR_NS
            state.ledger.append(
                [
                    disclosure("AQUILA", "BOREAL", days, hours),
                    disclosure("AQUILA", "CETUS", "same", channel=Channel.STREAM, pseudonymous=True),
                    disclosure("BOREAL", "CETUS", days, kind="conjunctions", rule="derived"),
                ],
                now,
            )
    assert state.ledger_periods.close_over(NOON_TAI_NS + 4 * DAY_NS) == 4
    state.ledger.append([disclosure("AQUILA", "BOREAL", records=9, record_ids=b"", channel=Channel.WHAT_IF)] * 2,
                        NOON_TAI_NS + 4 * DAY_NS)  # fmt: skip
