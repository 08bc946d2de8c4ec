"""What can be wrong with an agreement or with the file of partners."""

import msgspec


class Mistake(msgspec.Struct, frozen=True, kw_only=True):
    """One mistake in a document: where it stands, and what is allowed there.

    ``line`` counts from 1; 0 means that the place is not known or the whole document is meant. ``where`` names the
    rule, example or partner; ``value`` is the offending value as TOML was understood, at most 200 characters.
    """

    file: str
    line: int
    where: str
    key: str
    value: str
    meaning: str

    def __str__(self) -> str:
        place = self.file + (f": line {self.line}" if self.line else "")
        subject = f"{self.key} = {self.value}" if self.value else self.key
        return ": ".join(part for part in (place, self.where, subject, self.meaning) if part)


class DocumentError(ValueError):
    """A document that is not accepted. ``mistakes`` has all of them, in the document's order; never empty."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = mistakes


class AgreementError(DocumentError):
    """An agreement that cannot be read, or that is not admitted."""


class PartnersError(DocumentError):
    """A file of partners that cannot be read."""
