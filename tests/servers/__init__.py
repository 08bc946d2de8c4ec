"""Real servers for the tests: an Apache Kafka broker and a PostgreSQL server."""


class ServerUnavailableError(Exception):
    """The programs that the server needs are not on this machine."""
