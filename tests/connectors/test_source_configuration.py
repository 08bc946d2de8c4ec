"""sources.toml: what is read, and what is said of each mistake; the documentation's own examples."""

import re
from pathlib import Path

import msgspec
import pytest

from connectors.configuration import ConfigurationError, build_connector, key_meanings, load_sources
from connectors.sources import KINDS, ExerciseSource, FolderSource, GpFormat, GpSource
from schemas.labels import Category, CategoryType, Label
from schemas.records import DataMode
from tests.connectors.harness import KeptMemory

DOCUMENT = Path(__file__).parents[2] / "docs" / "sources.md"

LABEL = 'label = { policy = "PUBLIC", classification = "UNCLASSIFIED", categories = [] }'
FOLDER = f"""
[[source]]
id = "drop"
kind = "folder"
originator = "US-18SDS"
{LABEL}
path = "/srv/drop"
"""
GP = f"""
[[source]]
id = "celestrak"
kind = "gp"
originator = "US-18SDS"
{LABEL}
url = "https://elements.example/NORAD/elements/gp.php"
groups = ["active", "stations"]
"""
EXERCISE = """
[[source]]
id = "exercise"
kind = "exercise"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "sources.toml"
    path.write_text(text)
    return path


def examples() -> list[str]:
    return re.findall(r"```toml\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)


def test_each_kind_is_read_with_its_defaults(tmp_path: Path) -> None:
    public = Label("PUBLIC", "UNCLASSIFIED")
    assert load_sources(written(tmp_path, FOLDER + GP + EXERCISE)) == [
        FolderSource(id="drop", originator="US-18SDS", label=public, path="/srv/drop"),
        GpSource(
            id="celestrak",
            originator="US-18SDS",
            label=public,
            url="https://elements.example/NORAD/elements/gp.php",
            groups=("active", "stations"),
            format=GpFormat.JSON,
            data_mode=DataMode.REAL,
            interval_s=7200.0,
        ),
        ExerciseSource(id="exercise", objects=30_000, planted=40),
    ]


def test_a_relative_folder_starts_at_the_configuration_file(tmp_path: Path) -> None:
    (source,) = load_sources(written(tmp_path, FOLDER.replace("/srv/drop", "drop/here")))
    assert isinstance(source, FolderSource)
    assert source.path == str(tmp_path / "drop" / "here")


def test_a_label_with_categories_is_read_in_canonical_order(tmp_path: Path) -> None:
    label = (
        'label = { policy = "NATO", classification = "RESTRICTED", categories = ['
        '{ tag_name = "Releasable To", type = "PERMISSIVE", values = ["DEU", "FRA"] },'
        '{ tag_name = "Caveat", type = "RESTRICTIVE", values = ["SSA"] }] }'
    )
    (source,) = load_sources(written(tmp_path, FOLDER.replace(LABEL, label)))
    assert isinstance(source, FolderSource)
    assert source.label.categories == (
        Category("Caveat", CategoryType.RESTRICTIVE, ("SSA",)),
        Category("Releasable To", CategoryType.PERMISSIVE, ("DEU", "FRA")),
    )


def test_a_file_without_sources_is_an_empty_list(tmp_path: Path) -> None:
    assert load_sources(written(tmp_path, "")) == []


MISTAKES = {
    "no TOML": ("[[source", ["not TOML"]),
    "no UTF-8": ("[[source]]\nid = '\udcff'", ["not TOML"]),
    "an unknown table": ("[sources]", ["unknown key 'sources'"]),
    "one bracket": ('[source]\nid = "x"', ["two brackets"]),
    "no kind": ('[[source]]\nid = "x"', ["source 'x'", "kind", "folder, gp, exercise"]),
    "an unknown kind": (FOLDER.replace('"folder"', '"ftp"'), ["source 'drop'", "'ftp'"]),
    "a kind that is no text": (FOLDER.replace('"folder"', "[1]"), ["source 'drop'", "kind"]),
    "an unknown key": (FOLDER + "settle = 2", ["source 'drop'", "'settle'", "settle_s", "unchanged"]),
    "a wrong type": (FOLDER + 'settle_s = "2"', ["source 'drop'", "settle_s", "unchanged", "`float`"]),
    "a boolean for a number": (FOLDER + "settle_s = true", ["settle_s", "`float`"]),
    "a negative wait": (FOLDER + "settle_s = -1.0", ["settle_s", ">= 0"]),
    "a number that is none": (FOLDER + "settle_s = nan", ["settle_s"]),
    "no label": (FOLDER.replace(LABEL, ""), ["source 'drop'", "label", "released to nobody"]),
    "a label without policy": (FOLDER.replace('"PUBLIC"', '""'), ["label", "policy"]),
    "a label with an unknown key": (FOLDER.replace("policy =", "police ="), ["label", "police"]),
    "unsorted values": (
        FOLDER.replace("categories = []", 'categories = [{tag_name="R", type="PERMISSIVE", values=["B","A"]}]'),
        ["label", "sorted"],
    ),
    "no originator": (FOLDER.replace('originator = "US-18SDS"', ""), ["originator", "who made", "missing"]),
    "no id": (FOLDER.replace('id = "drop"', ""), ["source 'number 1'", "id", "missing"]),
    "an id with a blank": (FOLDER.replace('"drop"', '"my drop"'), ["id", "lower-case"]),
    "an id twice": (FOLDER + FOLDER.replace("/srv/drop", "/srv/other"), ["'drop'", "twice"]),
    "a folder twice": (FOLDER + FOLDER.replace('"drop"', '"drop2"'), ["'drop2'", "/srv/drop", "'drop'"]),
    "a group twice": (GP.replace('"stations"', '"ACTIVE"'), ["groups", "twice"]),
    "a group in two sources": (GP + GP.replace('"celestrak"', '"mirror"'), ["'mirror'", "active", "'celestrak'"]),
    "no groups": (GP.replace('["active", "stations"]', "[]"), ["groups", "GROUP"]),
    "a group with a blank": (GP.replace('"active"', '"a b"'), ["groups"]),
    "a faster interval": (GP + "interval_s = 7199", ["interval_s", "7200"]),
    "another scheme": (GP.replace("https://", "file://"), ["url", "http or https"]),
    "a query in the address": (GP.replace("gp.php", "gp.php?GROUP=x"), ["url", "query"]),
    "a password in the address": (GP.replace("https://", "https://me:secret@"), ["url", "password"]),
    "a port that is none": (GP.replace("elements.example", "elements.example:x"), ["url", "ort"]),
    "a line end in the contact": (GP + 'contact = "a\\r\\nX-Y: b"', ["contact", "User-Agent"]),
    "a label for the exercise": (EXERCISE + LABEL, ["'exercise'", "'label'"]),
    "more planted than there is room for": (EXERCISE + "objects = 200\nplanted = 26", ["planted", "208"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_refused_with_file_source_key_and_meaning(tmp_path: Path, mistake: str) -> None:
    text, parts = MISTAKES[mistake]
    path = tmp_path / "sources.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigurationError) as caught:
        load_sources(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert [part for part in parts if part not in message] == []


def test_a_password_in_an_address_is_not_repeated_in_the_message(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_sources(written(tmp_path, GP.replace("https://", "https://me:secret@")))
    assert "secret" not in str(caught.value)


def test_every_example_of_the_documentation_is_read_and_built(tmp_path: Path) -> None:
    sources = load_sources(written(tmp_path, "\n".join(examples())))
    assert {type(source) for source in sources} == set(KINDS.values())
    for source in sources:
        assert build_connector(source, KeptMemory()).source == source.id


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_of_a_kind_stands_in_its_section_of_the_documentation(kind: str) -> None:
    section = DOCUMENT.read_text().split(f"## `{kind}`")[1].split("\n## ")[0]
    assert [key for key in key_meanings(kind) if key != "id" and f"| `{key}` |" not in section] == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_documentation_names_the_defaults_that_hold(kind: str) -> None:
    section = DOCUMENT.read_text().split(f"## `{kind}`")[1].split("\n## ")[0]
    defaults = {field.name: field.default for field in msgspec.structs.fields(KINDS[kind])}
    rows = re.findall(r"^\| `(\w+)` \| `?([^`|]*?)`? \|", section, re.MULTILINE)
    assert rows
    for name, text in rows:
        default = defaults[name]
        if text == "":
            assert default in (msgspec.NODEFAULT, "")
        elif isinstance(default, str):
            assert text == default
        else:
            assert float(text) == default
