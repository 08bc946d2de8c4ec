"""What is said of a label that cannot be read, and of one that a form has no words for."""

_SHOWN = 200


class LabelError(ValueError):
    """A label that a reader refuses: where it stands, what stands there, and the rule that it breaks.

    ``line`` counts from 1; 0 where a form has no lines. ``element`` is the element, attribute or portion at fault.
    """

    def __init__(self, file: str, line: int, element: str, value: str, rule: str) -> None:
        self.file, self.line, self.element, self.rule = file, line, element, rule
        self.value = value[:_SHOWN]
        place = f"{file}, line {line}" if line else file
        super().__init__(f"{place}: {element} = {self.value!r}: {rule}")


class NoLabelMappingError(ValueError):
    """A label, or a part of one, for which no mapping into the asked scheme is defined. Nothing is guessed."""

    def __init__(self, scheme: str, part: str, rule: str) -> None:
        self.scheme, self.part, self.rule = scheme, part, rule
        super().__init__(f"no mapping to {scheme}: {part!r}: {rule}")
