"""What ``ssa-hub screen`` is asked for by the names of objects: its options, made `conjunction.choices.Choices`."""

from pathlib import Path
from typing import TYPE_CHECKING

from ssa_hub.cli.files import end

if TYPE_CHECKING:
    from conjunction.choices import Choices


def choices_of(
    volume: list[str] | None,
    volumes: Path | None,
    leave_out: list[str] | None,
    owners: Path | None,
    primary: list[str] | None,
) -> "Choices":
    """The choices of --volume, --volumes, --leave-out, --owners and --primary. Ends the command for mistakes."""
    from conjunction.choice_texts import read_owners, read_volumes, volume_of_text
    from conjunction.choices import ChoiceError, Choices

    try:
        wanted = {}
        for text in volume or []:
            name, sign, size = text.partition("=")
            if not sign:
                raise ChoiceError(f"--volume {text}: OBJECT=box:R,T,N is needed")
            wanted[name.strip()] = volume_of_text(size)
        if volumes is not None:
            wanted |= {name: one for name, one in read_volumes(volumes).items() if name not in wanted}
        pairs = [_pair(text) for text in leave_out or []]
        return Choices(wanted, pairs, [] if owners is None else read_owners(owners), primary or None)
    except ChoiceError as error:
        raise end(str(error)) from error
    except OSError as error:
        raise end(f"{error.filename}: {error.strerror or error}") from error


def _pair(text: str) -> tuple[str, str]:
    from conjunction.choices import ChoiceError

    one, sign, other = text.partition(",")
    if not sign or "," in other:
        raise ChoiceError(f"--leave-out {text}: two objects with a comma between are needed")
    return one, other
