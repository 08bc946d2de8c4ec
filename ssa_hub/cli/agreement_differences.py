"""The differences between two versions of an agreement, as ``ssa-hub agreements diff`` prints them."""

import json
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from ssa_hub.release.differences import AgreementDifferences, PartnerChange, RuleChange

_NOT_WRITTEN = "(not written)"


def tell_differences(differences: "AgreementDifferences") -> None:
    """Print what changes by rule, key by key, then by partner."""
    versions = (version or "none" for version in (differences.old_version, differences.new_version))
    typer.echo(f"{differences.originator}: version {' -> '.join(versions)}")
    if differences.old_version == differences.new_version:
        typer.echo("the same content")
        return
    for change in differences.rules:
        _tell_rule(change)
    if differences.order_changed:
        typer.echo("the order of rules that both versions have")
    if differences.examples_changed:
        typer.echo("the examples")
    for state, sentences in (("new", differences.retention_new), ("gone", differences.retention_gone)):
        for sentence in sentences:
            typer.echo(f"retention: {state}: {sentence}")
    typer.echo()
    if differences.partners:
        _tell_partners(differences.partners)
    else:
        typer.echo("no partner sees more or less by it, as of now")


def _tell_rule(change: "RuleChange") -> None:
    from ssa_hub.release.differences import RuleState

    typer.echo(f"rule {change.rule!r}: {change.state.value}")
    for key in change.keys:
        old, new = _value(key.old), _value(key.new)
        says = {RuleState.NEW: new, RuleState.GONE: old}.get(change.state, f"{old} -> {new}")
        typer.echo(f"    {key.key}: {says}")


def _value(value: Any) -> str:
    return _NOT_WRITTEN if value is None else json.dumps(value, ensure_ascii=False)


def _tell_partners(changes: "tuple[PartnerChange, ...]") -> None:
    """A table in columns of plain text: it is read, kept and compared as text."""
    from schemas.records import DataMode
    from ssa_hub.release.agreement import ALL_POSTURES

    rows = [("partner", "kind", "data mode", "posture", "sees", "what changes")]
    for change in changes:
        modes = "all" if len(change.data_modes) == len(DataMode) else ", ".join(change.data_modes)
        postures = "all" if len(change.postures) == len(ALL_POSTURES) else ", ".join(change.postures)
        rows.append(
            (change.partner, change.kind.value, modes, postures, change.direction.value, "; ".join(change.what))
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        typer.echo("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
