"""A writer to be killed: appends batches of one row a record until it dies, and says which were acknowledged.

``python -m tests.history.appending WAREHOUSE CATALOGUE`` prints ``appended N`` after batch N is durable.
"""

import sys

from ssa_hub.history.store import History, PositionRange
from tests.history.examples import element_row, elements

BATCH_ROWS = 5
PARTITION = ("elements", 0)


def main(warehouse: str, catalogue_uri: str) -> None:
    """Append from where the history stands, for ever."""
    with History.open(warehouse, catalogue_uri) as history:
        batch = history.positions("elements").get(PARTITION, 0)
        print("open", flush=True)
        while True:
            rows = elements(*(element_row(f"{batch}-{n}", f"cat-{n + 1}") for n in range(BATCH_ROWS)))
            history.append("elements", rows, positions={PARTITION: PositionRange(batch, batch + 1)})
            batch += 1
            print(f"appended {batch}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
