"""Objects' names as messages give them."""

from schemas.refusals import RecordRefusedError

OBJECT_NAME_LENGTH_MAX = 200


def object_name_of(text: bytes | str) -> str | None:
    """A name without the blanks around it, None where nothing is left.

    Raises RecordRefusedError for control characters, bytes that are not UTF-8, and more than 200 characters.
    """
    try:
        name = (text if isinstance(text, str) else text.decode("utf-8")).strip(" ")
    except UnicodeDecodeError as error:
        raise RecordRefusedError("OBJECT_NAME", text, "UTF-8 text") from error
    if not name.isprintable():
        raise RecordRefusedError("OBJECT_NAME", name, "printable characters")
    if len(name) > OBJECT_NAME_LENGTH_MAX:
        raise RecordRefusedError("OBJECT_NAME", name, f"at most {OBJECT_NAME_LENGTH_MAX} characters")
    return name or None


def name_deviations(name: str | None) -> list[str]:
    """The standard's names are ASCII; others are accepted and say so."""
    return [] if name is None or name.isascii() else ["non-ascii-name"]
