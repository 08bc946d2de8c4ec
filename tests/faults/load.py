"""Load: partners who push until they are told that it is durable, a folder that fills, a reader who asks.

Each partner sends every object's steps in order, the next one only when the one before is acknowledged; so what was
acknowledged of an object is a number: all steps below it.
"""

import random
import threading
from collections import Counter
from pathlib import Path

import httpx

from tests.faults.known_orbits import element_set, spoilt
from tests.faults.servers import Hub, wait

_LABEL = '{"policy":"PUBLIC","classification":"UNCLASSIFIED"}'
_PATIENCE_S = 20.0
_AGAIN_S = 0.2


class Pusher(threading.Thread):
    """One partner. ``acknowledged`` maps each of his objects to how many of its steps are acknowledged."""

    def __init__(self, base_url: str, name: str, key: str, first_object: int, objects: int, seed: int) -> None:
        super().__init__(name=name)
        self.acknowledged = dict.fromkeys(range(first_object, first_object + objects), 0)
        self.refused = 0
        self.outcomes: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._random = random.Random(seed)
        self._stopping = threading.Event()
        self.client = httpx.Client(
            base_url=base_url, timeout=_PATIENCE_S, headers={"Authorization": f"Bearer {key}", "SSA-Label": _LABEL}
        )

    def stop(self) -> None:
        """Send nothing more; what is under way may stay without an acknowledgement."""
        self._stopping.set()

    def run(self) -> None:
        """Push until stopped."""
        while not self._stopping.is_set():
            count = self._random.choice((1, 1, 2, 5, 20, len(self.acknowledged)))
            chosen = self._random.sample(sorted(self.acknowledged), min(count, len(self.acknowledged)))
            repeats = self._random.choice((1, 1, 1, 8))
            steps = [(number, self.acknowledged[number] + more) for number in chosen for more in range(repeats)]
            bad = self._random.random() < 0.1
            text = "".join(element_set(*step) for step in steps)
            if bad:
                text += spoilt(element_set(*steps[0]))
            if not self._pushed(text.encode(), len(steps), int(bad)):
                return
            for number in chosen:
                self.acknowledged[number] += repeats
            self.refused += int(bad)
            wait(self._random.uniform(0.0, 0.05))

    def _pushed(self, data: bytes, records: int, refused: int) -> bool:
        """Send until it is acknowledged; False where we were stopped before."""
        while not self._stopping.is_set():
            try:
                answer = self.client.post("/v1/elements", content=data)
            except httpx.TransportError as error:
                self.outcomes[type(error).__name__] += 1
                wait(_AGAIN_S)
                continue
            self.outcomes[str(answer.status_code)] += 1
            if answer.status_code == 202:
                told = answer.json()
                if (told["records"], told["refused"]) != (records, refused):
                    self.wrong.append(f"receipt {told} for {records} records and {refused} refusals")
                return True
            if answer.status_code != 503 or "Retry-After" not in answer.headers:
                self.wrong.append(f"{answer.status_code} {answer.text[:200]}")
            wait(_AGAIN_S)
        return False


class Dropper(threading.Thread):
    """Fills the folder. ``dropped`` is how many steps of each object were put there: all of them must arrive."""

    def __init__(self, drop: Path, first_object: int, objects: int) -> None:
        super().__init__(name="dropper")
        self.dropped = dict.fromkeys(range(first_object, first_object + objects), 0)
        self._drop = drop
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Drop nothing more."""
        self._stopping.set()

    def run(self) -> None:
        """Drop a file of one step of every object each second, each once and whole."""
        step = 0
        while not self._stopping.wait(1.0):
            unfinished = self._drop / f".{step:06d}"
            unfinished.write_text("".join(element_set(number, step) for number in self.dropped))
            unfinished.rename(self._drop / f"{step:06d}.tle")
            step += 1
            self.dropped = dict.fromkeys(self.dropped, step)


class Reader(threading.Thread):
    """Asks for listings, so that the ledger has something to say. ``seen`` counts answers by status."""

    def __init__(self, base_url: str, key: str) -> None:
        super().__init__(name="reader")
        self.seen: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._stopping = threading.Event()
        self.client = httpx.Client(base_url=base_url, timeout=_PATIENCE_S, headers={"Authorization": f"Bearer {key}"})

    def stop(self) -> None:
        """Ask no more."""
        self._stopping.set()

    def run(self) -> None:
        """Ask twice a second."""
        while not self._stopping.wait(0.5):
            try:
                answer = self.client.get("/v1/elements", params={"limit": 50, "format": "ndjson"})
            except httpx.TransportError as error:
                self.seen[type(error).__name__] += 1
                continue
            self.seen[str(answer.status_code)] += 1
            if answer.status_code not in (200, 503):
                self.wrong.append(f"reading: {answer.status_code} {answer.text[:200]}")


class Load:
    """All of them, over a hub."""

    def __init__(self, hub: Hub, keys: dict[str, str], *, objects: int, seed: int) -> None:
        self.pushers = [
            Pusher(hub.base_url, name, keys[name], 10_000 * (number + 1), objects, seed + number)
            for number, name in enumerate(hub.partners)
        ]
        self.dropper = Dropper(hub.drop, 90_000, 20)
        self.reader = Reader(hub.base_url, keys["READER"])

    def start(self) -> None:
        """Begin."""
        for thread in self._threads():
            thread.start()

    def stop(self) -> None:
        """End, and wait for the last answers."""
        for thread in self._threads():
            thread.stop()
        for thread in self._threads():
            thread.join()
        for client in (*(pusher.client for pusher in self.pushers), self.reader.client):
            client.close()

    def _threads(self) -> list[Pusher | Dropper | Reader]:
        return [*self.pushers, self.dropper, self.reader]

    def acknowledged(self) -> dict[tuple[str, int], int]:
        """How many steps of each (originator, catalogue number) must be stored."""
        dropped = {("DROPPER", number): count for number, count in self.dropper.dropped.items()}
        return self.acknowledged_by_pushes() | dropped

    def acknowledged_by_pushes(self) -> dict[tuple[str, int], int]:
        """The partners' part of it."""
        return {
            (pusher.name, number): count for pusher in self.pushers for number, count in pusher.acknowledged.items()
        }

    def wrong(self) -> list[str]:
        """Answers that must not be."""
        return [f"{pusher.name}: {text}" for pusher in self.pushers for text in pusher.wrong] + self.reader.wrong
