"""Where files lie: locations in the catalogue to and from the paths that files are read by."""

from pathlib import Path
from urllib.parse import urlparse

OBJECT_SCHEME = "s3"
# Other engines write the first two for the same thing.
_OBJECT_SCHEMES = ("s3a", "s3n", OBJECT_SCHEME)


def local_path(location: str) -> Path:
    """The path of a plain path or a ``file:`` URL. Raises ValueError for any other scheme."""
    url = urlparse(location)
    if url.scheme == "":
        return Path(location)
    if url.scheme != "file" or url.netloc not in ("", "localhost"):
        raise ValueError(f"{location!r} is not a local file")
    return Path(url.path)  # PyIceberg quotes nothing, so nothing is unquoted


def is_object(location: str) -> bool:
    """Whether a location names an object in an object store (``s3:``)."""
    return location.partition("://")[0] in _OBJECT_SCHEMES


def read_path(location: str) -> str:
    """The name that a file is read by, also by DuckDB: a local path, or ``s3://bucket/key``.

    Raises ValueError for any other scheme.
    """
    if is_object(location):
        return f"{OBJECT_SCHEME}://{location.partition('://')[2]}"
    return str(local_path(location))


def io_properties(location: str) -> dict[str, str]:
    """Which FileIO PyIceberg is to read and write a location with, as it is told it."""
    if is_object(location):
        return {"py-io-impl": "ssa_hub.history.object_io.ObjectFileIO"}
    return {"py-io-impl": "ssa_hub.history.durable_io.DurableFileIO"}


def is_served(catalogue_uri: str) -> bool:
    """Whether a catalogue is a server that speaks Iceberg's REST protocol, and no database."""
    return catalogue_uri.startswith(("rest+http://", "rest+https://"))
