"""The gp.php source against a real server on loopback, hours passing on a clock that the tests move."""

import gzip
import socket
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from structlog.testing import capture_logs

from connectors.gp import GpConnector
from connectors.payload import Payload
from connectors.sources import GpFormat, GpSource
from schemas.labels import Label
from schemas.records import DataMode
from tests.connectors.gp_server import Asked, GpServer, Reply, running_server
from tests.connectors.harness import START_TAI_NS, KeptMemory, MovableClock, run_for

BODY = b'[{"OBJECT_NAME":"ISS (ZARYA)","NORAD_CAT_ID":25544}]'
JSON = (("Content-Type", "application/json"),)
VALIDATORS = (*JSON, ("ETag", '"v1"'), ("Last-Modified", "Sun, 22 Nov 2026 09:00:00 GMT"))
HOUR_S = 3600.0


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[GpServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    with running_server() as running:
        yield running


class Bench:
    """One server, one memory, one clock; a new connector at each start."""

    def __init__(self, url: str) -> None:
        self.url, self.memory, self.clock = url, KeptMemory(), MovableClock()
        self.start()

    def start(self, **changes: object) -> None:
        values: dict[str, object] = {
            "id": "mirror",
            "originator": "US-18SDS",
            "label": Label("PUBLIC", "UNCLASSIFIED"),
            "url": self.url,
            "groups": ("active",),
            "timeout_s": 20.0,
            **changes,
        }
        self.connector = GpConnector(GpSource(**values), self.memory, self.clock, jitter=lambda: 0.5)  # type: ignore[arg-type]

    async def run(self, hours: float, acknowledge: bool = True) -> list[Payload]:
        return await run_for(self.connector, self.clock, hours * HOUR_S, acknowledge)


@pytest.fixture
def bench(server: GpServer) -> Bench:
    return Bench(server.address())


def at_hours(server: GpServer, bench: Bench, replies: list[Reply]) -> list[float]:
    """The hours after the start at which requests come; the replies are given in turn."""
    hours: list[float] = []

    def stamped(reply: Reply):
        def answer(_: Asked) -> Reply:
            hours.append((bench.clock.present_tai_ns - START_TAI_NS) / 3600e9)
            return reply

        return answer

    server.replies.extend(stamped(reply) for reply in replies)
    return hours


async def test_a_group_is_asked_for_in_the_form_and_its_bytes_are_brought(server: GpServer, bench: Bench) -> None:
    server.replies.append(Reply(200, BODY, JSON))
    bench.start(contact="ssa-desk@example.org")
    (payload,) = await bench.run(1)
    assert payload.data == BODY
    assert payload.media_type == "application/json"
    assert payload.retrieved_tai_ns == START_TAI_NS
    assert payload.provenance.data_mode is DataMode.REAL
    (asked,) = server.asked
    assert payload.location == f"http://127.0.0.1:{server.port}{asked.path}"
    assert urlsplit(asked.path).path == "/NORAD/elements/gp.php"
    assert parse_qs(urlsplit(asked.path).query) == {"GROUP": ["active"], "FORMAT": ["JSON"]}
    assert asked.headers["User-Agent"].startswith("ssa-hub/")
    assert "ssa-desk@example.org" in asked.headers["User-Agent"]


async def test_a_group_is_asked_for_every_two_hours_and_no_sooner(server: GpServer, bench: Bench) -> None:
    hours = at_hours(server, bench, [Reply(200, BODY, JSON)])
    assert len(await bench.run(9)) == 1  # the same bytes are not brought again
    assert hours == [0, 2, 4, 6, 8]


async def test_a_restart_does_not_ask_again(server: GpServer, bench: Bench) -> None:
    hours = at_hours(server, bench, [Reply(200, BODY, JSON)])
    await bench.run(0.5)
    bench.start()
    await bench.run(1)
    bench.start()
    await bench.run(1)
    assert hours == [0, 2]


async def test_a_crash_in_the_middle_of_a_request_does_not_ask_again(server: GpServer, bench: Bench) -> None:
    kept: list[object] = []

    def looks_into_memory(_: Asked) -> Reply:
        kept.append(bench.memory.get("mirror", "group/active"))
        return Reply(200, BODY, JSON)

    server.replies.append(looks_into_memory)
    await bench.run(0.1)
    (state,) = kept
    assert isinstance(state, dict)
    assert state["not_before_tai_ns"] == START_TAI_NS + 7200 * 10**9


async def test_a_longer_interval_holds(server: GpServer, bench: Bench) -> None:
    hours = at_hours(server, bench, [Reply(200, BODY, JSON)])
    bench.start(interval_s=6 * HOUR_S)
    await bench.run(13)
    assert hours == [0, 6, 12]


async def test_validators_are_sent_once_the_body_is_acknowledged(server: GpServer, bench: Bench) -> None:
    server.replies.append(Reply(200, BODY, VALIDATORS))
    await bench.run(0.5, acknowledge=False)
    bench.start()
    assert len(await bench.run(2)) == 1  # lost before it was safe: asked for, whole, and brought
    bench.start()
    server.replies[0] = Reply(304, headers=(("ETag", '"v1"'),))
    assert await bench.run(2) == []
    assert [asked.headers["If-None-Match"] for asked in server.asked] == [None, None, '"v1"']
    assert [asked.headers["If-Modified-Since"] for asked in server.asked] == [None, None, VALIDATORS[2][1]]


async def test_a_changed_body_is_brought_with_its_new_validators(server: GpServer, bench: Bench) -> None:
    other = BODY.replace(b"25544", b"25545")
    server.replies.extend([Reply(200, BODY, VALIDATORS), Reply(200, other, (*JSON, ("ETag", '"v2"'))), Reply(304)])
    assert [payload.data for payload in await bench.run(5)] == [BODY, other]
    assert server.asked[2].headers["If-None-Match"] == '"v2"'
    assert server.asked[2].headers["If-Modified-Since"] is None


async def test_each_group_has_its_own_clock_and_state(server: GpServer, bench: Bench) -> None:
    server.replies.append(lambda asked: Reply(200, BODY + asked.path.encode(), JSON))
    bench.start(groups=("active", "stations"))
    assert len(await bench.run(3)) == 2
    assert len(server.asked) == 4


@pytest.mark.parametrize("status", [200, 403])
async def test_not_updated_is_nothing_new_and_no_failure(server: GpServer, bench: Bench, status: int) -> None:
    words = b"GP data has not updated since your last successful download of GROUP=active."
    hours = at_hours(server, bench, [Reply(status, words, (("Content-Type", "text/plain"),))])
    with capture_logs() as logs:
        assert await bench.run(5) == []
    assert hours == [0, 2, 4]
    assert {log["log_level"] for log in logs} == {"info"}


@pytest.mark.parametrize("body", [b"No GP data found", b"", b"[]", b"<html><body>Welcome</body></html>"])
async def test_a_sentence_with_status_200_is_never_data(server: GpServer, bench: Bench, body: bytes) -> None:
    hours = at_hours(server, bench, [Reply(200, body)])
    with capture_logs() as logs:
        assert await bench.run(14) == []
    assert hours == [0, 2.25, 6.75]  # backs off: asking for a wrong group for ever is a burden too
    assert "no json element sets" in logs[0]["reason"]


async def test_a_403_stops_all_groups_for_twice_the_interval_and_more_each_time(server: GpServer, bench: Bench) -> None:
    hours = at_hours(server, bench, [Reply(403, b"Forbidden"), Reply(403, b"Forbidden"), Reply(200, BODY, JSON)])
    bench.start(groups=("active", "stations"))
    await bench.run(4.4)
    bench.start(groups=("active", "stations"))
    await bench.run(14)
    assert hours[:2] == [0, 4.5]
    assert hours[2] >= 9


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_kept_to(server: GpServer, bench: Bench, status: int) -> None:
    refusal = Reply(status, b"slow down", (("Retry-After", "36000"),))
    hours = at_hours(server, bench, [refusal, Reply(200, BODY, JSON)])
    await bench.run(11)
    assert hours == [0, 10]


async def test_server_errors_double_the_wait_and_success_ends_it(server: GpServer, bench: Bench) -> None:
    error, fine = Reply(500, b"oops"), Reply(200, BODY, JSON)
    hours = at_hours(server, bench, [error, error, fine, error, fine])
    await bench.run(12.9)
    assert hours == [0, 2.25, 6.75, 8.75, 11]


async def test_where_nobody_listens_the_next_attempt_is_soon(bench: Bench) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        bench.url = f"http://127.0.0.1:{unused.getsockname()[1]}/gp.php"
        bench.start()
        with capture_logs() as logs:
            assert await bench.run(0.2) == []
    assert 3 <= len(logs) <= 5  # a minute, two, four


async def test_a_redirect_on_the_same_host_is_followed(server: GpServer, bench: Bench) -> None:
    server.replies.append(
        lambda asked: (
            Reply(200, BODY, JSON) if asked.path.startswith("/new") else Reply(301, headers=(("Location", "/new?a=b"),))
        )
    )
    assert len(await bench.run(1)) == 1
    assert [asked.path for asked in server.asked][1:] == ["/new?a=b"]


@pytest.mark.parametrize("target", ["http://localhost:{port}/gp.php", "ftp://127.0.0.1/gp", "//elsewhere.example/"])
async def test_a_redirect_to_elsewhere_is_refused(server: GpServer, bench: Bench, target: str) -> None:
    server.replies.append(Reply(302, headers=(("Location", target.format(port=server.port)),)))
    with capture_logs() as logs:
        assert await bench.run(1) == []
    assert len(server.asked) == 1
    assert "not the same host" in logs[0]["reason"]


async def test_redirects_in_a_circle_end(server: GpServer, bench: Bench) -> None:
    server.replies.append(Reply(302, headers=(("Location", "/again"),)))
    assert await bench.run(1) == []
    assert len(server.asked) == 4


async def test_a_body_above_the_limit_is_refused(server: GpServer, bench: Bench) -> None:
    server.replies.append(Reply(200, BODY, JSON))
    bench.start(max_body_bytes=len(BODY) - 1)
    with capture_logs() as logs:
        assert await bench.run(1) == []
    assert "max_body_bytes" in logs[0]["reason"]


async def test_the_limit_counts_decompressed_bytes(server: GpServer, bench: Bench) -> None:
    bomb = gzip.compress(BODY + b" " * 3_000_000)
    server.replies.append(Reply(200, bomb, (*JSON, ("Content-Encoding", "gzip"))))
    bench.start(max_body_bytes=1_000_000)
    assert len(bomb) < 10_000
    assert await bench.run(1) == []


async def test_a_body_that_breaks_off_is_no_data(server: GpServer, bench: Bench) -> None:
    server.replies.append(Reply(200, BODY, (*JSON, ("Content-Length", str(len(BODY) + 100)), ("Connection", "close"))))
    with capture_logs() as logs:
        assert await bench.run(1) == []
    assert len(logs) == 1


async def test_a_server_that_says_nothing_is_given_up_on(bench: Bench) -> None:
    with socket.socket() as silent:  # connections are accepted by the kernel and never answered
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        bench.url = f"http://127.0.0.1:{silent.getsockname()[1]}/gp.php"
        bench.start(timeout_s=0.05)
        with capture_logs() as logs:
            assert await bench.run(3) == []
    assert len(logs) == 2  # at 0 and at 2.25 hours: the request had been sent
    assert bench.memory.get("mirror", "group/active")["failures"] == 2  # type: ignore[index]


async def test_a_wait_that_was_kept_under_a_wrong_clock_is_not_sat_out(server: GpServer, bench: Bench) -> None:
    hours = at_hours(server, bench, [Reply(200, BODY, JSON)])
    bench.clock.present_tai_ns += 10 * 365 * 86_400 * 10**9
    await bench.run(0.1)
    bench.clock.present_tai_ns = START_TAI_NS
    hours.clear()
    await bench.run(5)
    assert hours == [2, 4]


async def test_another_format_is_asked_for_and_demanded(server: GpServer, bench: Bench) -> None:
    server.replies.append(
        Reply(200, b"OBJECT_NAME,EPOCH,NORAD_CAT_ID\r\nISS,2026,25544\r\n", (("Content-Type", "text/csv"),))
    )
    bench.start(format=GpFormat.CSV)
    assert len(await bench.run(1)) == 1
    assert "FORMAT=CSV" in server.asked[0].path
