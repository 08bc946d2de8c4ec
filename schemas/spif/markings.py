"""The line that a page shows for a label or a clearance, as its policy states it (markingData, markingQualifier).

The line is: prefix, policy, classification, then each tag's values in the document's order, suffix; parts are put
together with the policy's separator (a blank where it has none), values with their tag's ("/" where it has none). What
a phrase or qualifier says for a page's top or bottom, or for no place in particular, counts; portions, subjects, and
so on are other lines. A language that is asked for is looked for whole, then without its region, then as English.
Where two words would run together (NATO's "Releasable To" before "Albania") a blank is put between them.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

from schemas.spif.model import Classification, Marked, MarkingPhrase, Spif
from schemas.spif.resolve import Chosen, Resolved

_PAGE = frozenset({"pageTop", "pageBottom", "pageTopBottom"})
_BEHAVIOUR = frozenset({"noNameDisplay", "noMarkingDisplay", "suppressClassName", "replacePolicy"})
_REPLACE_POLICY = "replacePolicy"


def label_marking(
    spif: Spif, classification: Classification, resolved: Resolved, privacy_mark: str | None, language: str
) -> str:
    """The marking of a label whose names the policy knows."""
    chosen = resolved.chosen
    languages = _languages(language)
    parts = [_policy_part(spif, classification, chosen, languages)]
    if not any(_says(one.value.marked, "suppressClassName", languages) for one in chosen):
        parts.append(_phrase(classification.marked, classification.name, languages))
    parts += _tag_parts(chosen, languages)
    if privacy_mark is not None:
        mark = resolved.privacy_mark
        parts.append(privacy_mark if mark is None else _phrase(mark.marked, mark.name, languages))
    return _line(spif, parts, languages)


def clearance_marking(
    spif: Spif, classifications: Iterable[Classification], chosen: Sequence[Chosen], language: str
) -> str:
    """The marking of a clearance: its classifications, lowest first, and all that it holds."""
    languages = _languages(language)
    names = [one.name for one in sorted(classifications, key=lambda one: (one.hierarchy, one.name))]
    return _line(spif, ["{" + "|".join(names) + "}", *_tag_parts(chosen, languages)], languages)


def _languages(language: str) -> tuple[str, ...]:
    whole = language.replace("_", "-").lower()
    return tuple(dict.fromkeys((whole, whole.partition("-")[0], "", "en")))


def _line(spif: Spif, parts: Iterable[str], languages: Sequence[str]) -> str:
    separator = _qualifier(spif.marked, "separator", languages) or " "
    line = separator.join(part for part in parts if part)
    return _around(spif.marked, line, languages).strip()


def _around(marked: Marked, text: str, languages: Sequence[str]) -> str:
    prefix = _qualifier(marked, "prefix", languages)
    suffix = _qualifier(marked, "suffix", languages)
    return _apart(_apart(prefix, text), suffix)


def _apart(first: str, second: str) -> str:
    between = " " if first[-1:].isalnum() and second[:1].isalnum() else ""
    return first + between + second


def _qualifier(marked: Marked, code: str, languages: Sequence[str]) -> str:
    found = [
        one for one in marked.qualifiers if one.code == code and (one.marking_code in _PAGE or not one.marking_code)
    ]
    for language in languages:
        for one in found:
            if one.language == language:
                return one.text
    return ""


def _is_for_page(phrase: MarkingPhrase) -> bool:
    places = phrase.codes - _BEHAVIOUR
    return not places or bool(places & _PAGE)


def _best(marked: Marked, languages: Sequence[str], fits: Callable[[MarkingPhrase], bool]) -> MarkingPhrase | None:
    """The first phrase for a page that fits, in the best language there is."""
    found = [one for one in marked.phrases if _is_for_page(one) and fits(one)]
    for language in languages:
        for one in found:
            if one.language == language:
                return one
    return None


def _says(marked: Marked, code: str, languages: Sequence[str]) -> bool:
    return _best(marked, languages, lambda one: code in one.codes) is not None


def _phrase(marked: Marked, name: str, languages: Sequence[str]) -> str:
    """What stands for a thing at its own place: its phrase, else its name, or nothing."""
    own = _best(marked, languages, lambda one: _REPLACE_POLICY not in one.codes)
    if own is not None:
        if "noMarkingDisplay" in own.codes:
            return ""
        if own.phrase is not None:
            return own.phrase
        return "" if "noNameDisplay" in own.codes else name
    replacing = _best(marked, languages, lambda one: _REPLACE_POLICY in one.codes)
    return "" if replacing is not None and "noNameDisplay" in replacing.codes else name


def _policy_part(spif: Spif, classification: Classification, chosen: Sequence[Chosen], languages: Sequence[str]) -> str:
    """The policy's name, or what the policy, the classification or a value puts in its place."""
    places: Iterator[tuple[Marked, str]] = iter(
        [
            (spif.marked, spif.name),
            (classification.marked, classification.name),
            *((one.value.marked, one.text) for one in chosen),
        ]
    )
    for marked, name in places:
        replacing = _best(marked, languages, lambda one: _REPLACE_POLICY in one.codes)
        if replacing is not None:
            return name if replacing.phrase is None else replacing.phrase
    return _around(spif.policy_marked, _phrase(spif.policy_marked, spif.name, languages), languages)


def _tag_parts(chosen: Sequence[Chosen], languages: Sequence[str]) -> Iterator[str]:
    for _, group in groupby(chosen, key=lambda one: one.tag.number):
        values = list(group)
        marked = values[0].tag.marked
        shown = [
            _around(one.value.marked, phrase, languages)
            for one in values
            if (phrase := _phrase(one.value.marked, one.text, languages))
        ]
        if shown:
            separator = _qualifier(marked, "separator", languages) or "/"
            yield _around(marked, separator.join(shown), languages)
