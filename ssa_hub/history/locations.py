"""Where files lie: locations in the catalogue to and from local paths."""

from pathlib import Path
from urllib.parse import urlparse


def local_path(location: str) -> Path:
    """The path of a plain path or a ``file:`` URL. Raises ValueError for any other scheme."""
    url = urlparse(location)
    if url.scheme == "":
        return Path(location)
    if url.scheme != "file" or url.netloc not in ("", "localhost"):
        raise ValueError(f"{location!r} is not a local file")
    return Path(url.path)  # PyIceberg quotes nothing, so nothing is unquoted
