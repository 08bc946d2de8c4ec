"""Opening a log by its URL."""

from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from ingest.log import Log
from ingest.topics import HUB, TOPICS


def open_log(url: str, producer_name: str | None = None) -> Log:
    """The log of a URL, not yet entered.

    ``producer_name`` is the name under which this process appends to Kafka (`ingest.kafka_log.KafkaLog`).

    ``embedded:///abs/dir`` is the embedded log in that directory. ``kafka://host:port[,host:port]`` is Kafka, with
    ``?prefix=x`` before every topic's name and ``?replication=3`` for the topics that it creates; ``?adopt=1`` is for
    `adopts`. Raises ValueError, naming what is wrong, for anything else.
    """
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if parts.scheme == "embedded":
        if parts.netloc or not parts.path.startswith("/") or parts.path == "/" or options or parts.fragment:
            raise ValueError(f"log URL {url!r}: expected embedded:///absolute/directory")
        from ingest.embedded_log import EmbeddedLog

        return EmbeddedLog(Path(unquote(parts.path)))
    if parts.scheme == "kafka":
        return _kafka(url, parts.netloc, parts.path or parts.fragment, options, producer_name)
    raise ValueError(f"log URL {url!r}: expected embedded:///absolute/directory or kafka://host:port[,host:port]")


def is_shared(url: str) -> bool:
    """Whether several hubs could open the log of this URL at once by mistake: see `ingest.claim`."""
    return urlsplit(url).scheme == "kafka"


def adopts(url: str) -> bool:
    """Whether the log is to be taken over from the hub that it belonged to: see `ingest.claim`."""
    return dict(parse_qsl(urlsplit(url).query)).get("adopt") == "1"


def _kafka(url: str, servers: str, rest: str, options: dict[str, str], producer_name: str | None) -> Log:
    for server in servers.split(","):
        host, _, port = server.rpartition(":")
        if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536 or "@" in host:
            raise ValueError(f"log URL {url!r}: expected host:port, not {server!r}")
    if rest:
        raise ValueError(f"log URL {url!r}: nothing may stand between the servers and the options, but {rest!r} does")
    unknown = options.keys() - {"prefix", "replication", "adopt"}
    if unknown:
        raise ValueError(
            f"log URL {url!r}: unknown option {', '.join(sorted(unknown))}; there are prefix, replication, adopt"
        )
    prefix = options.get("prefix", "")
    if not all(c.isascii() and (c.isalnum() or c in "._-") for c in prefix):
        raise ValueError(f"log URL {url!r}: a topic's name takes ASCII letters, digits, '.', '_', '-', not {prefix!r}")
    replication = options.get("replication", "1")
    if not replication.isascii() or not replication.isdigit() or not 0 < int(replication) < 1000:
        raise ValueError(f"log URL {url!r}: replication is a number from 1 on, not {replication!r}")
    if options.get("adopt", "0") not in ("0", "1"):
        raise ValueError(f"log URL {url!r}: adopt is 1 or 0, not {options['adopt']!r}")
    from ingest.kafka_log import KafkaLog

    return KafkaLog(servers, (*TOPICS, HUB), prefix, int(replication), producer_name=producer_name)
