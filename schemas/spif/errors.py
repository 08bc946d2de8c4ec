"""What is wrong with a security policy document, or with what is asked of a policy."""


class SpifError(ValueError):
    """A document that cannot be used as a security policy: where, which element, which value, which rule it breaks."""

    def __init__(self, file: str, line: int, element: str, value: str, rule: str) -> None:
        self.file, self.line, self.element, self.value, self.rule = file, line, element, value[:200], rule
        super().__init__(f"{file}: line {line}: {element} = {self.value!r}: {rule}")


class UnknownClassificationError(ValueError):
    """A classification that the policy does not have."""


class NoEquivalentError(ValueError):
    """A label, or a part of it, for which the policy defines no equivalent in the other policy."""
