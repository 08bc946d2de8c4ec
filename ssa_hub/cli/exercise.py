"""The exercise that a hub without sources runs: invented owners, their agreements, keys to look through their eyes."""

from pathlib import Path

from connectors.configuration import build_connector
from connectors.exercise.packaged import PARTNERS_FILE, agreement_files
from connectors.payload import Connector
from connectors.sources import ExerciseSource
from ssa_hub.cli.console import ConsoleReporter
from ssa_hub.cli.try_keys import try_keys
from ssa_hub.services.rules import activate, enrol_partners
from ssa_hub.state.store import State


def prepare_exercise(state: State, data_dir: Path, reporter: ConsoleReporter) -> list[Connector]:
    """Put the exercise's partners and agreements into force, say who they are, and give its connector."""
    partners = enrol_partners(state, PARTNERS_FILE)
    activate(state, agreement_files())
    source = ExerciseSource(id="exercise")
    reporter.say(
        f"exercise   no source is configured, so this hub runs an exercise: {source.objects:,} invented objects of "
        f"{len(partners)} invented partners, data mode EXERCISE, {source.planted} planted close approaches"
    )
    keys = try_keys(state, data_dir, [partner.name for partner in partners])
    reporter.say("keys       to see the same data through different eyes:")
    for partner in partners:
        groups = ", ".join(sorted(partner.groups)) or "in no group"
        reporter.say(f"           {partner.name:<14} {keys[partner.name]}  ({groups})")
    return [build_connector(source, state.memory)]
