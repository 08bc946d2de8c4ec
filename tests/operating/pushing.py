"""A partner who pushes element sets one after another, until told to stop."""

import threading
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import httpx

from schemas.labels import Label
from schemas.omm.write import write_omm_csv
from tests.api.records import element, table_of

LABEL = Label("PUBLIC", "UNCLASSIFIED").to_json().decode()


class Pusher:
    """Pushes in a thread. ``settled_utc``: an instant up to which everything received is acknowledged."""

    def __init__(self, base_url: str, key: str, objects: int = 40) -> None:
        self._client = httpx.Client(base_url=base_url, headers={"Authorization": f"Bearer {key}"}, timeout=60)
        self._objects = objects
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pusher")
        self._news = threading.Condition()
        self.acknowledged: list[dict[str, object]] = []
        self.records = 0
        self.settled_utc = ""
        self.failure: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._client.close()
        if self.failure is not None and error is None:
            raise self.failure

    def wait_for(self, pushes: int) -> None:
        """Until so many pushes are acknowledged."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.acknowledged) >= pushes or self.failure is not None, 120)

    def _run(self) -> None:
        number = 0
        try:
            while not self._stop.is_set():
                answer = self._client.post(
                    "/v1/elements", content=_message(number, self._objects), headers={"SSA-Label": LABEL}
                )
                answer.raise_for_status()
                receipt = answer.json()
                with self._news:
                    self.acknowledged.append(receipt)
                    self.records += int(receipt["new"])
                    # Taken before the next push is sent: what is received from here on is later.
                    self.settled_utc = datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
                    self._news.notify_all()
                number += 1
        except BaseException as error:
            with self._news:
                self.failure = error
                self._news.notify_all()


def _message(number: int, objects: int) -> bytes:
    rows = [
        element(f"{number}-{at}", 70_000 + at, epoch=number * 0.5, object_name=None, inclination_deg=40.0 + at / 7.0)
        for at in range(objects)
    ]
    return bytes(write_omm_csv(table_of(rows)))
