"""A TCP proxy in front of a Kafka broker, which can lose an acknowledgement, or an answer about topics."""

import asyncio
from typing import Self

_PRODUCE = 0  # Kafka's API key of a produce request
_METADATA = 3


class LosingProxy:
    """Forwards Kafka's frames between clients and a broker.

    ``lose_acknowledgements = n`` makes it break the connection after each of the next n produce requests: at the
    moment when the broker has answered, which is when it has the records, and before the client has the answer.
    ``lose_topics = n``: the same with metadata requests that ask about topics.
    """

    def __init__(self, listen_port: int, broker_port: int) -> None:
        self.lose_acknowledgements = 0
        self.lose_topics = 0
        self.produce_requests = 0
        self._listen_port = listen_port
        self._broker_port = broker_port
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._listen_port)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._server.close()
        for connection in list(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        assert connection is not None
        self._connections.add(connection)
        broker, to_broker = await asyncio.open_connection("127.0.0.1", self._broker_port)
        doomed: set[bytes] = set()  # correlation ids whose answer is to be lost
        try:
            async with asyncio.TaskGroup() as directions:
                directions.create_task(self._requests(client, to_broker, doomed))
                directions.create_task(self._responses(broker, to_client, doomed))
        except* (OSError, asyncio.IncompleteReadError):
            pass  # one side has gone: so has the connection
        finally:
            self._connections.discard(connection)
            for writer in (to_broker, to_client):
                writer.transport.abort()

    async def _requests(self, client: asyncio.StreamReader, broker: asyncio.StreamWriter, doomed: set[bytes]) -> None:
        while True:
            frame = await _frame(client)
            if int.from_bytes(frame[4:6], "big") == _PRODUCE:
                self.produce_requests += 1
                if self.lose_acknowledgements:
                    self.lose_acknowledgements -= 1
                    doomed.add(frame[8:12])
            elif self.lose_topics and _asks_about_topics(frame):
                self.lose_topics -= 1
                doomed.add(frame[8:12])
            broker.write(frame)
            await broker.drain()

    async def _responses(self, broker: asyncio.StreamReader, client: asyncio.StreamWriter, doomed: set[bytes]) -> None:
        while True:
            frame = await _frame(broker)
            if frame[4:8] in doomed:
                raise ConnectionResetError("as ordered")
            client.write(frame)
            await client.drain()


def _asks_about_topics(frame: bytes) -> bool:
    """Whether it is a metadata request (of a version before 9) that names topics: length, key, version, id, client."""
    if int.from_bytes(frame[4:6], "big") != _METADATA:
        return False
    behind_client = 14 + max(int.from_bytes(frame[12:14], "big", signed=True), 0)
    return int.from_bytes(frame[behind_client : behind_client + 4], "big", signed=True) > 0


async def _frame(reader: asyncio.StreamReader) -> bytes:
    length = await reader.readexactly(4)
    return length + await reader.readexactly(int.from_bytes(length, "big"))
