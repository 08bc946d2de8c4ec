"""Choices as people write them: volumes on a command line and in CSV, owners in CSV."""

import csv
from pathlib import Path

import numpy as np

from conjunction.choices import ChoiceError, Owner
from conjunction.volumes import ScreeningVolume

_YES = frozenset({"1", "true", "yes", "y"})
_NO = frozenset({"0", "false", "no", "n", ""})


def volume_of_text(text: str) -> ScreeningVolume:
    """The volume of ``box:2,25,25`` or ``ellipsoid:2,25,25``: half-widths or semi-axes along R, T, N in km.

    Raises ChoiceError for anything else.
    """
    shape, _, sizes = text.partition(":")
    return _volume(shape.strip(), sizes.split(","), text)


def _volume(shape: str, sizes: list[str], text: str) -> ScreeningVolume:
    try:
        radial, transverse, normal = (float(size) for size in sizes)
    except ValueError:
        raise ChoiceError(f"{text!r}: three sizes along R, T and N in km are needed, box:2,25,25 for one") from None
    if shape not in ("box", "ellipsoid"):
        raise ChoiceError(f"{text!r}: a volume is a box or an ellipsoid")
    if not all(0.0 < size < np.inf for size in (radial, transverse, normal)):
        raise ChoiceError(f"{text!r}: sizes are positive and finite")
    return ScreeningVolume("box" if shape == "box" else "ellipsoid", radial, transverse, normal)


def read_volumes(path: Path) -> dict[str, ScreeningVolume]:
    """Volumes of a CSV with the columns object, shape, radial_km, transverse_km, normal_km; object as in `Choices`.

    Raises OSError, and ChoiceError with the line for what is wrong in it.
    """
    volumes = {}
    for line, row in _rows(path, ("object", "shape", "radial_km", "transverse_km", "normal_km")):
        sizes = [row["radial_km"], row["transverse_km"], row["normal_km"]]
        try:
            volumes[row["object"]] = _volume(row["shape"], sizes, f"{row['shape']}:{','.join(sizes)}")
        except ChoiceError as error:
            raise ChoiceError(f"{path}:{line}: {error}") from error
    return volumes


def read_owners(path: Path) -> list[Owner]:
    """Owners of a CSV with the columns catalogue_number, owner and, where not all are flagged, flag (1 or 0).

    Raises OSError, and ChoiceError with the line for what is wrong in it.
    """
    owners = []
    for line, row in _rows(path, ("catalogue_number", "owner"), optional=("flag",)):
        flag = row.get("flag", "1").casefold()
        if flag not in _YES | _NO:
            raise ChoiceError(f"{path}:{line}: flag = {flag!r}: 1 or 0")
        if not row["owner"]:
            raise ChoiceError(f"{path}:{line}: owner is empty")
        owners.append(Owner(row["catalogue_number"], row["owner"], flag in _YES))
    return owners


def _rows(path: Path, columns: tuple[str, ...], optional: tuple[str, ...] = ()) -> list[tuple[int, dict[str, str]]]:
    """Rows with their line numbers, texts stripped. Raises ChoiceError where a column is missing or unknown."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            given = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = given
            if not set(columns) <= set(given) <= {*columns, *optional}:
                wanted = ",".join([*columns, *(f"[{name}]" for name in optional)])
                raise ChoiceError(f"{path}:1: columns {wanted} are needed, not {','.join(given)}")
            rows = []
            for row in reader:
                if None in row or None in row.values():
                    raise ChoiceError(f"{path}:{reader.line_num}: {len(given)} values are needed, as in the first line")
                rows.append((reader.line_num, {name: text.strip() for name, text in row.items()}))
            return rows
    except (csv.Error, UnicodeDecodeError) as error:
        raise ChoiceError(f"{path}: no CSV: {error}") from error
