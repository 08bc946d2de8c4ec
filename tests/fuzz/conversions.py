"""Conversions of whatever a payload holds: they end in words or in a payload that is read again without a refusal."""

from schemas.convert import DIALECTS, FORMS, ConversionError, Wanted, converted
from schemas.decompress import decompressed
from schemas.messages import read_payload
from schemas.refusals import CannotRenderError, RecordRefusedError

_CONTENT_BYTES_MAX = 32_768
_CREATION_DATE, _ORIGINATOR = "2026-01-01T00:00:00", "FUZZ"


def require_conversions_hold(data: bytes) -> None:
    """Every form: what is written is read again, as many records as were said."""
    try:
        if decompressed(data, _CONTENT_BYTES_MAX) != data or len(data) > _CONTENT_BYTES_MAX:
            return
    except RecordRefusedError:
        return
    for form in FORMS:
        for dialect in DIALECTS if form in ("json", "csv") else DIALECTS[:1]:
            wanted = Wanted(form, dialect, _CREATION_DATE, _ORIGINATOR, skip_refused=True)
            try:
                result = converted(data, "fuzz", wanted)
            except (ConversionError, CannotRenderError):
                continue
            if result.content is None or not result.records:
                continue
            again = read_payload(result.content, "again")
            assert not again.refusals, (form, dialect, again.refusals[0])
            assert again.records == result.records, (form, dialect, again.records, result.records)
