"""A file in a form that has no place for a label, together with its sidecar, as one ZIP."""

import io
import zipfile

from schemas.label_binding import SUFFIX, bind
from schemas.labels import Label

_NO_DATE = (1980, 1, 1, 0, 0, 0)  # the ZIP format's first: the same content must be the same bytes
_MODE = 0o644 << 16


def labelled_archive(file_name: str, data: bytes, label: Label) -> bytes:
    """A ZIP of the file and of ``<file_name>.bdo``, which binds ``label`` to it (ADatP-4778).

    The same arguments give the same bytes. Raises NoLabelMappingError for a label that XML has no place for.
    """
    sidecar = bind(label, file_name, data)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in ((file_name, data), (f"{file_name}{SUFFIX}", sidecar)):
            entry = zipfile.ZipInfo(name, _NO_DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = _MODE
            archive.writestr(entry, content)
    return made.getvalue()
