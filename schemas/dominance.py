"""The label of a product made from several sources: the one that dominates all of theirs (ADatP-4774.1, 4.4).

Of one policy: the highest classification by the policy's hierarchy; of each PERMISSIVE category the values that all
have; of RESTRICTIVE and INFORMATIVE categories all values that any has; and the result must be valid under the policy.
Labels of different policies are brought into one of them where the policies define how.

The standard drops a PERMISSIVE category that some label lacks, or of which no value is left. To drop it would widen
who may see the product, so here it is an error: a person must decide (a label can then be given to the product).
"""

from collections.abc import Mapping, Sequence

from schemas.labels import Category, CategoryType, Label
from schemas.spif import NoEquivalentError, SecurityPolicy, policy_of


class NoDominantLabelError(ValueError):
    """No label dominates those given without a decision by a person."""


def dominant(labels: Sequence[Label], policies: Mapping[str, SecurityPolicy]) -> Label:
    """The label that dominates all of ``labels``, as they stand (use `Label.at` first); ``policies`` by name.

    It has policy, classification and categories, and the privacy mark where all have the same. Without its policy a
    classification can only be compared with itself. Raises NoDominantLabelError where there is none.
    """
    if not labels:
        raise NoDominantLabelError("no labels: nothing says how a product without sources is marked")
    policy, members = _in_one_policy(labels, policies)
    classification = _highest([label.classification for label in members], members[0].policy, policy)
    marks = {label.privacy_mark for label in members}
    made = Label(
        members[0].policy,
        classification,
        _categories(members),
        policy_uri=_same_uri(members),
        privacy_mark=marks.pop() if len(marks) == 1 else None,
    ).canonical()
    if policy is not None:
        problems = policy.problems(made)
        if problems:
            raise NoDominantLabelError(f"the result is not valid under policy {policy.name}: {'; '.join(problems)}")
    return made


def _in_one_policy(
    labels: Sequence[Label], policies: Mapping[str, SecurityPolicy]
) -> tuple[SecurityPolicy | None, list[Label]]:
    """(their policy, None where it is not known; the labels in its names). Raises NoDominantLabelError."""
    known = [policy_of(label.policy, policies) for label in labels]
    names = {label.policy if policy is None else policy.name for label, policy in zip(labels, known, strict=True)}
    if len(names) == 1:
        policy = known[0]
        return policy, [label if policy is None else _canonical(label, policy) for label in labels]
    ways: dict[str, tuple[SecurityPolicy, list[Label]]] = {}
    failures: list[str] = []
    for target in {policy.name: policy for policy in known if policy is not None}.values():
        try:
            pairs = zip(labels, known, strict=True)
            ways[target.name] = target, [_mapped(label, policy, target, policies) for label, policy in pairs]
        except (NoEquivalentError, NoDominantLabelError) as error:
            failures.append(str(error))
    if len(ways) == 1:
        return ways.popitem()[1]
    found = " or ".join(sorted(ways)) or f"none of them ({'; '.join(sorted(set(failures))) or 'no policy is known'})"
    raise NoDominantLabelError(
        f"the labels are of policies {', '.join(sorted(names))}; they can be brought into {found}"
    )


def _canonical(label: Label, policy: SecurityPolicy) -> Label:
    try:
        return policy.canonical(label)
    except ValueError as error:
        raise NoDominantLabelError(str(error)) from None


def _mapped(
    label: Label, policy: SecurityPolicy | None, target: SecurityPolicy, policies: Mapping[str, SecurityPolicy]
) -> Label:
    """A label in the target's policy: itself, the alternative that it carries, or its policy's equivalent."""
    if policy is target:
        return _canonical(label, target)
    given = [one for one in label.alternatives if policy_of(one.policy, policies) is target]
    if len(given) == 1:
        return _canonical(given[0], target)
    if policy is None or given:
        raise NoDominantLabelError(f"a label of policy {label.policy} has no one equivalent in {target.name}")
    return policy.equivalent(label, target)


def _highest(names: Sequence[str], policy_name: str, policy: SecurityPolicy | None) -> str:
    if len(set(names)) == 1:
        return names[0]
    if policy is None:
        raise NoDominantLabelError(
            f"policy {policy_name} is not known to the hub, so {', '.join(sorted(set(names)))} cannot be compared"
        )
    heights = {name: policy.hierarchy(name) for name in names}
    highest = [name for name, height in heights.items() if height == max(heights.values())]
    if len(highest) > 1:
        raise NoDominantLabelError(f"{' and '.join(sorted(highest))} of policy {policy_name} are equally high")
    return highest[0]


def _categories(labels: Sequence[Label]) -> tuple[Category, ...]:
    by_label = [_by_tag(label) for label in labels]
    made: list[Category] = []
    for tag in {tag: None for tags in by_label for tag in tags}:
        name, type_, uri = tag
        having = [tags[tag] for tags in by_label if tag in tags]
        if type_ is CategoryType.PERMISSIVE:
            values = frozenset.intersection(*having)
            if len(having) < len(labels) or not values:
                why = "not all labels have it" if len(having) < len(labels) else "no value is in all labels"
                raise NoDominantLabelError(f"PERMISSIVE category {name!r} would be dropped: {why}")
        else:
            values = frozenset.union(*having)
        made.append(Category(name, type_, tuple(sorted(values)), uri))
    return tuple(made)


def _by_tag(label: Label) -> dict[tuple[str, CategoryType, str | None], frozenset[str]]:
    found: dict[tuple[str, CategoryType, str | None], frozenset[str]] = {}
    for category in label.categories:
        tag = (category.tag_name, category.type, category.uri)
        if tag in found and category.type is CategoryType.PERMISSIVE:
            # Each would have to be met by itself; one category cannot say that of two.
            raise NoDominantLabelError(f"PERMISSIVE category {category.tag_name!r} stands twice in one label")
        found[tag] = found.get(tag, frozenset()) | frozenset(category.values)
    return found


def _same_uri(labels: Sequence[Label]) -> str | None:
    uris = {label.policy_uri for label in labels}
    if len(uris) > 1:
        raise NoDominantLabelError(f"the labels name different policies as {labels[0].policy}: {uris}")
    return uris.pop()
