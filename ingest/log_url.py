"""Opening a log by its URL."""

from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from ingest.log import Log


def open_log(url: str) -> Log:
    """The log of a URL, not yet entered.

    ``embedded:///abs/dir`` is the embedded log in that directory. ``kafka://host:port[,host:port]`` is Kafka, with
    ``?prefix=x`` before every topic's name and ``?replication=3`` for the topics that it creates. Raises ValueError,
    naming what is wrong, for anything else.
    """
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if parts.scheme == "embedded":
        if parts.netloc or not parts.path.startswith("/") or parts.path == "/" or options or parts.fragment:
            raise ValueError(f"log URL {url!r}: expected embedded:///absolute/directory")
        from ingest.embedded_log import EmbeddedLog

        return EmbeddedLog(Path(unquote(parts.path)))
    if parts.scheme == "kafka":
        return _kafka(url, parts.netloc, parts.path or parts.fragment, options)
    raise ValueError(f"log URL {url!r}: expected embedded:///absolute/directory or kafka://host:port[,host:port]")


def _kafka(url: str, servers: str, rest: str, options: dict[str, str]) -> Log:
    for server in servers.split(","):
        host, _, port = server.rpartition(":")
        if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536 or "@" in host:
            raise ValueError(f"log URL {url!r}: expected host:port, not {server!r}")
    if rest:
        raise ValueError(f"log URL {url!r}: nothing may stand between the servers and the options, but {rest!r} does")
    unknown = options.keys() - {"prefix", "replication"}
    if unknown:
        raise ValueError(f"log URL {url!r}: unknown option {', '.join(sorted(unknown))}; there are prefix, replication")
    prefix = options.get("prefix", "")
    if not all(c.isascii() and (c.isalnum() or c in "._-") for c in prefix):
        raise ValueError(f"log URL {url!r}: a topic's name takes ASCII letters, digits, '.', '_', '-', not {prefix!r}")
    replication = options.get("replication", "1")
    if not replication.isascii() or not replication.isdigit() or not 0 < int(replication) < 1000:
        raise ValueError(f"log URL {url!r}: replication is a number from 1 on, not {replication!r}")
    from ingest.kafka_log import KafkaLog

    return KafkaLog(servers, topic_prefix=prefix, replication_factor=int(replication))
