"""What can be said of a source in ``sources.toml``: one struct a kind, every key with its meaning and its bounds."""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from schemas.labels import Label
from schemas.records import DataMode

# CelesTrak asks for no more than one download of a group in two hours, as its data do not change faster.
GP_INTERVAL_S_MIN = 7_200.0

_Id = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$",
        description="the source's own name: lower-case letters, digits, '.', '_' and '-', at most 64",
    ),
]
_Originator = Annotated[
    str, Meta(min_length=1, max_length=128, description="who made the data; release rules are the originator's")
]
_DataMode = Annotated[DataMode, Meta(description="REAL, TEST, SIMULATED or EXERCISE")]
_Label = Annotated[
    Label, Meta(description="the confidentiality label of everything from here: policy, classification, categories")
]


class _Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: _Id


class FolderSource(_Source, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Kind ``folder``: files that somebody drops."""

    originator: _Originator
    label: _Label
    path: Annotated[
        str, Meta(min_length=1, description="the folder; a relative path starts at the folder of this file")
    ]
    data_mode: _DataMode = DataMode.REAL
    settle_s: Annotated[
        float, Meta(ge=0, le=3600, description="seconds that a file must stay unchanged before it is read")
    ] = 2.0
    poll_s: Annotated[float, Meta(ge=0.05, le=3600, description="seconds between two looks at the folder")] = 0.5
    max_file_bytes: Annotated[int, Meta(ge=1, description="a file larger than this is reported and left alone")] = (
        1 << 30
    )


class GpFormat(StrEnum):
    """The encodings that the gp.php form is asked for."""

    JSON = "json"
    CSV = "csv"
    XML = "xml"
    KVN = "kvn"
    TLE = "tle"


class GpSource(_Source, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Kind ``gp``: a server that speaks the form of CelesTrak's ``gp.php``."""

    originator: _Originator
    label: _Label
    url: Annotated[str, Meta(description="http(s) address of the form, without a query")]
    groups: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,64}$")], ...],
        Meta(min_length=1, max_length=200, description="the values of GROUP to ask for, one request each"),
    ]
    format: Annotated[GpFormat, Meta(description="json, csv, xml, kvn or tle")] = GpFormat.JSON
    data_mode: _DataMode = DataMode.REAL
    interval_s: Annotated[
        float,
        Meta(
            ge=GP_INTERVAL_S_MIN,
            le=30 * 86_400,
            description="least seconds between two requests for one group, at least 7200",
        ),
    ] = GP_INTERVAL_S_MIN
    timeout_s: Annotated[float, Meta(gt=0, le=3600, description="seconds that one whole request may take")] = 120.0
    max_body_bytes: Annotated[int, Meta(ge=1, description="an answer larger than this is refused, decompressed")] = (
        256 << 20
    )
    contact: Annotated[
        str,
        Meta(
            max_length=200,
            pattern=r"^[ -~]*$",
            description="how the server's operator can reach you; sent in User-Agent",
        ),
    ] = ""


class ExerciseSource(_Source, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Kind ``exercise``: the generated exercise. Originators and labels are those of its invented owners."""

    seed: Annotated[
        int, Meta(ge=0, le=(1 << 63) - 1, description="which exercise: the same seed gives the same objects")
    ] = 1
    objects: Annotated[int, Meta(ge=100, le=69_000, description="how many objects")] = 30_000
    planted: Annotated[int, Meta(ge=0, le=500, description="how many close approaches are planted")] = 40
    update_every_s: Annotated[
        int, Meta(ge=1, le=86_400, description="seconds between two rounds of new element sets")
    ] = 600
    update_fraction: Annotated[
        float, Meta(gt=0, le=1, description="which part of the objects gets a new element set in one round")
    ] = 0.01


SourceConfiguration = FolderSource | GpSource | ExerciseSource

KINDS: dict[str, type[FolderSource] | type[GpSource] | type[ExerciseSource]] = {
    "folder": FolderSource,
    "gp": GpSource,
    "exercise": ExerciseSource,
}
