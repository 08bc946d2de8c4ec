"""Histories on the REST catalogue and the object store of `IcebergServers`."""

import uuid
from pathlib import Path

from pyarrow import fs

from ssa_hub.history.catalogues import served_catalogue
from ssa_hub.history.object_files import key_of, s3_filesystem
from ssa_hub.history.store import History
from tests.servers.iceberg_servers import IcebergServers


class Remote:
    """Where one test's history is. The environment must name the servers."""

    def __init__(self, servers: IcebergServers, directory: Path) -> None:
        self.catalogue_url = servers.catalogue_url
        self.object_store = f"{servers.warehouse}/{uuid.uuid4().hex}"
        self.directory = directory / "remote"

    def open(self, catalogue_url: str | None = None) -> History:
        """The history, at this catalogue or through another address of it."""
        return History.open(self.directory, catalogue_url or self.catalogue_url, self.object_store)

    def objects(self) -> set[str]:
        """Paths of all objects, found without the hub's own listing."""
        selector = fs.FileSelector(key_of(self.object_store), recursive=True, allow_not_found=True)
        return {f"s3://{one.path}" for one in s3_filesystem().get_file_info(selector) if one.type == fs.FileType.File}

    def put(self, path: str) -> None:
        """An object with one byte."""
        with s3_filesystem().open_output_stream(key_of(path)) as stream:
            stream.write(b"x")

    def drop(self) -> None:
        """Take the tables out of the catalogue, which is the session's."""
        catalogue = served_catalogue(self.catalogue_url)
        for identifier in catalogue.list_tables("ssa_hub") if catalogue.namespace_exists("ssa_hub") else ():
            catalogue.drop_table(identifier)
        catalogue.close()
