"""Whether a label is valid under its policy: what it requires, excludes and limits (Open XML SPIF 2.1)."""

from collections.abc import Iterator

from schemas.labels import Label
from schemas.spif.model import Operation, Requirement, Spif, ValueKey, ValueReference
from schemas.spif.resolve import Chosen, Resolved
from schemas.timescales import parse_utc


class Validity:
    """The rules of one policy, ready to be applied to many labels."""

    def __init__(self, spif: Spif) -> None:
        self._spif = spif
        self._tags = [tag for tag_set in spif.tag_sets for tag in tag_set.tags]
        self._values = [value for tag in self._tags for value in tag.values]
        self._names = {value.key: value.name for value in self._values}
        self._limited = [tag for tag in self._tags if tag.selected_min or tag.selected_max is not None]
        self._named: dict[Requirement, frozenset[ValueKey]] = {}

    def problems(self, label: Label, resolved: Resolved, *, new: bool) -> Iterator[str]:
        """What is wrong with a label, as sentences; ``new``: obsolete names, fit for old labels only, are wrong too.

        Periods of validity are compared with the label's creation; a label that does not say it is not judged by them.
        """
        spif = self._spif
        yield from resolved.problems
        created = created_tai_ns(label)
        if not _within(created, spif.not_before, spif.not_after):
            yield f"policy {spif.name} was not valid when the label was made"
        keys = frozenset(one.value.key for one in resolved.chosen)
        classification = resolved.classification
        if classification is not None:
            if new and classification.obsolete:
                yield f"classification {classification.name!r} is obsolete"
            for requirement in classification.required:
                if not self.meets(requirement, keys):
                    yield f"classification {classification.name!r} requires {self.said(requirement)}"
        for one in resolved.chosen:
            if new and one.value.obsolete:
                yield f"{one.text!r} of {one.tag.name!r} is obsolete"
            yield from self._value_problems(one, classification.name if classification else None, keys, created)
        yield from self._count_problems(resolved)
        yield from _privacy_problems(spif, label, resolved, new)

    def named(self, requirement: Requirement) -> frozenset[ValueKey]:
        """All the values that a requirement names."""
        known = self._named.get(requirement)
        if known is None:
            references = requirement.references
            known = frozenset(key for key in self._names if any(one.names(key) for one in references))
            self._named[requirement] = known
        return known

    def meets(self, requirement: Requirement, keys: frozenset[ValueKey]) -> bool:
        """Whether, of all the values that the requirement names, as many are there as it demands."""
        named = self.named(requirement)
        present = len(named & keys)
        if requirement.operation is Operation.ALL:
            return present == len(named)
        return present == 1 if requirement.operation is Operation.ONLY_ONE else present >= 1

    def said(self, requirement: Requirement) -> str:
        """A requirement in words."""
        how = {Operation.ALL: "all", Operation.ONLY_ONE: "only one", Operation.ONE_OR_MORE: "one or more"}
        return f"{how[requirement.operation]} of {', '.join(self._said(one) for one in requirement.references)}"

    def _said(self, reference: ValueReference) -> str:
        if reference.lacv is None:
            return f"{reference.tag_set} ({reference.kind.category_type})"
        return f"{reference.tag_set} {next(name for key, name in self._names.items() if reference.names(key))!r}"

    def _value_problems(
        self, one: Chosen, classification: str | None, keys: frozenset[ValueKey], created: int | None
    ) -> Iterator[str]:
        value = one.value
        what = f"{one.text!r} of {one.tag.name!r}"
        if not _within(created, value.not_before, value.not_after):
            yield f"{what} was not valid when the label was made"
        if classification is not None and classification in value.excluded_classes:
            yield f"{what} is not allowed with {classification!r}"
        if classification is not None and value.required_class not in ("", classification):
            yield f"{what} requires {value.required_class!r}"
        for requirement in value.required:
            if not self.meets(requirement, keys):
                yield f"{what} requires {self.said(requirement)}"
        for excluded in value.excluded:
            # A value that excludes its whole tag set stands alone there; it does not exclude itself.
            if any(excluded.names(key) for key in keys if key != value.key):
                yield f"{what} is not allowed with {self._said(excluded)}"

    def _count_problems(self, resolved: Resolved) -> Iterator[str]:
        if not self._limited:
            return
        counts: dict[int, int] = {}
        for one in resolved.chosen:
            counts[one.tag.number] = counts.get(one.tag.number, 0) + 1
        for tag in self._limited:
            count = counts.get(tag.number, 0)
            if tag.selected_max is not None and count > tag.selected_max:
                yield f"{tag.name!r} may have at most {tag.selected_max} values, not {count}"
            if count < tag.selected_min:
                yield f"{tag.name!r} must have at least {tag.selected_min} values, not {count}"


def created_tai_ns(label: Label) -> int | None:
    """When a label was made, None where it does not say so in a way that can be read."""
    try:
        return None if label.creation_utc is None else parse_utc(label.creation_utc)
    except ValueError:
        return None


def _within(instant: int | None, not_before: int | None, not_after: int | None) -> bool:
    if instant is None:
        return True
    return (not_before is None or not_before <= instant) and (not_after is None or instant <= not_after)


def _privacy_problems(spif: Spif, label: Label, resolved: Resolved, new: bool) -> Iterator[str]:
    if spif.privacy_marks is None:
        return
    if label.privacy_mark is None and spif.privacy_marks.selected_min > 0:
        yield f"policy {spif.name} requires a privacy mark"
    if new and resolved.privacy_mark is not None and resolved.privacy_mark.obsolete:
        yield f"privacy mark {resolved.privacy_mark.name!r} is obsolete"
