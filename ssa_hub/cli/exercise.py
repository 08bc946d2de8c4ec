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


def prepare_exercise(state: State, data_dir: Path, reporter: ConsoleReporter) -> tuple[list[Connector], str]:
    """Put the exercise's partners and agreements into force, say who they are; its connector, and the first's key."""
    partners = enrol_partners(state, PARTNERS_FILE)
    activate(state, agreement_files(), by="ssa-hub up")
    source = ExerciseSource(id="exercise")
    reporter.say(
        f"exercise   no source is configured, so this hub runs an exercise (data mode EXERCISE):\n"
        f"           {source.objects:,} invented objects of invented owners, {source.planted} planted close approaches"
    )
    keys = try_keys(state, data_dir, [partner.name for partner in partners])
    width = max(len(partner.name) for partner in partners)
    reporter.say("keys       to see the same data through different eyes:")
    for partner in partners:
        groups = ", ".join([*sorted(partner.groups), *sorted(partner.roles)]) or "in no group"
        reporter.say(f"           {partner.name:<{width}}  {keys[partner.name]}  ({groups})")
    return [build_connector(source, state.memory)], keys[partners[0].name]
