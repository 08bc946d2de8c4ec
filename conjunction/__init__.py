"""Orbits: SGP4 in bulk, screening, refinement to TCA. Knows neither the log nor who may see what.

For people at a notebook: ``from conjunction import screen``. docs/screening-library.md shows how. The names below are
imported when they are first asked for, as numba takes seconds; ``import conjunction`` alone costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conjunction.catalogue import Catalogue as Catalogue
    from conjunction.checkpoint import Checkpoint as Checkpoint
    from conjunction.choices import ChoiceError as ChoiceError
    from conjunction.choices import Owner as Owner
    from conjunction.distribution import DaskExecutor as DaskExecutor
    from conjunction.events import Conjunctions as Conjunctions
    from conjunction.library import screen as screen
    from conjunction.orbits import Orbits as Orbits
    from conjunction.orbits import read_orbits as read_orbits
    from conjunction.plotting import plot_encounter as plot_encounter
    from conjunction.screening import ScreeningCancelled as ScreeningCancelled
    from conjunction.screening import ScreeningResult as ScreeningResult
    from conjunction.volumes import ScreeningVolume as ScreeningVolume

_ROOM_OF = {
    "Catalogue": "catalogue",
    "Checkpoint": "checkpoint",
    "ChoiceError": "choices",
    "Conjunctions": "events",
    "DaskExecutor": "distribution",
    "Orbits": "orbits",
    "Owner": "choices",
    "ScreeningCancelled": "screening",
    "ScreeningResult": "screening",
    "ScreeningVolume": "volumes",
    "plot_encounter": "plotting",
    "read_orbits": "orbits",
    "screen": "library",
}
__all__ = [
    "Catalogue",
    "Checkpoint",
    "ChoiceError",
    "Conjunctions",
    "DaskExecutor",
    "Orbits",
    "Owner",
    "ScreeningCancelled",
    "ScreeningResult",
    "ScreeningVolume",
    "plot_encounter",
    "read_orbits",
    "screen",
]


def __getattr__(name: str) -> Any:
    room = _ROOM_OF.get(name)
    if room is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{room}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
