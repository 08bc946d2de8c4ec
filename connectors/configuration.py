"""Reading ``sources.toml``: which sources there are. A new source is configuration, not code."""

import re
import tomllib
from pathlib import Path
from typing import Any, get_args, get_type_hints
from urllib.parse import urlsplit

import msgspec

from connectors.clock import SYSTEM_CLOCK, Clock
from connectors.errors import ConfigurationError
from connectors.exercise.connector import ExerciseConnector
from connectors.folder import FolderConnector
from connectors.gp import GpConnector
from connectors.payload import Connector, ConnectorMemory
from connectors.sources import KINDS, ExerciseSource, FolderSource, GpSource, SourceConfiguration

__all__ = ["ConfigurationError", "build_connector", "key_meanings", "load_sources"]

_KEY_OF_PATH = re.compile(r" - at `\$\.?(\w+)[^`]*`")
_KEY_IN_QUOTES = re.compile(r"Object missing required field `(\w+)`$")


def key_meanings(kind: str) -> dict[str, str]:
    """Key -> meaning for one kind of source, without ``kind`` itself, in the order of declaration."""
    hints = get_type_hints(KINDS[kind], include_extras=True)
    meanings = {}
    for field in msgspec.structs.fields(KINDS[kind]):
        described = (meta.description for meta in get_args(hints[field.name]) if isinstance(meta, msgspec.Meta))
        meanings[field.name] = next(text for text in described if text)
    return meanings


def load_sources(path: Path) -> list[SourceConfiguration]:
    """The sources that the TOML file at ``path`` configures, in its order, relative folders made absolute.

    Raises ConfigurationError, naming file, source, key and the key's meaning, for anything that is not exactly as
    documented in docs/sources.md; raises OSError where the file cannot be read.
    """
    try:
        document = tomllib.loads(path.read_bytes().decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: not TOML: {error}") from error
    if unknown := sorted(set(document) - {"source"}):
        raise ConfigurationError(f"{path}: unknown key {unknown[0]!r}: the file has [[source]] tables and nothing else")
    tables = document.get("source", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ConfigurationError(f"{path}: 'source' is not a list of tables: write [[source]], with two brackets")
    sources = [_source(path, number, table) for number, table in enumerate(tables, start=1)]
    _refuse_repeats(path, sources)
    return sources


def build_connector(config: SourceConfiguration, memory: ConnectorMemory, clock: Clock = SYSTEM_CLOCK) -> Connector:
    """The connector of a configured source."""
    match config:
        case FolderSource():
            return FolderConnector(config, memory, clock)
        case GpSource():
            return GpConnector(config, memory, clock)
        case ExerciseSource():
            return ExerciseConnector(config, memory, clock)


def _source(path: Path, number: int, table: dict[str, Any]) -> SourceConfiguration:
    """Decode one ``[[source]]`` table."""
    place = f"{path}: source {table.get('id', f'number {number}')!r}"
    kind = table.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise ConfigurationError(
            f"{place}: kind (what sort of source it is) is {kind!r}, not one of {', '.join(KINDS)}"
        )
    meanings = key_meanings(kind)
    body = {key: value for key, value in table.items() if key != "kind"}
    for key in body:
        if key not in meanings:
            known = "; ".join(f"{name}: {meaning}" for name, meaning in meanings.items())
            raise ConfigurationError(f"{place}: unknown key {key!r}: kind {kind!r} knows {known}")
    if "label" in meanings and "label" not in body:
        raise ConfigurationError(
            f"{place}: label ({meanings['label']}) is missing: data without a label would be released to nobody"
        )
    try:
        config: SourceConfiguration = msgspec.convert(body, type=KINDS[kind])
    except msgspec.ValidationError as error:
        raise ConfigurationError(_explained(place, str(error), meanings)) from error
    return _checked(place, path, config, meanings)


def _explained(place: str, message: str, meanings: dict[str, str]) -> str:
    """msgspec's message with the key it speaks of and what that key means."""
    found = _KEY_OF_PATH.search(message) or _KEY_IN_QUOTES.search(message)
    if found is None or found[1] not in meanings:
        return f"{place}: {message}"
    return f"{place}: {found[1]} ({meanings[found[1]]}): {message}"


def _checked(place: str, path: Path, config: SourceConfiguration, meanings: dict[str, str]) -> SourceConfiguration:
    """Rules that types cannot say."""

    def wrong(key: str, message: str) -> ConfigurationError:
        return ConfigurationError(f"{place}: {key} ({meanings[key]}): {message}")

    if isinstance(config, FolderSource | GpSource):
        if not config.label.policy.strip() or not config.label.classification.strip():
            raise wrong("label", "policy and classification must both be given")
        config = msgspec.structs.replace(config, label=config.label.canonical())
    if isinstance(config, FolderSource):
        if "\0" in config.path:
            raise wrong("path", "a path has no NUL character")
        # absolute(), not resolve(): a link in the path may be pointed elsewhere later, on purpose.
        return msgspec.structs.replace(config, path=str(path.absolute().parent / config.path))
    if isinstance(config, GpSource):
        if problem := _url_problem(config.url):
            raise wrong("url", problem)
        if len({group.lower() for group in config.groups}) < len(config.groups):
            raise wrong("groups", "a group is named twice")
    if isinstance(config, ExerciseSource) and config.planted * 8 > config.objects:
        raise wrong("planted", f"{config.planted} need at least {config.planted * 8} objects")
    return config


def _url_problem(url: str) -> str | None:
    """Why an address cannot be asked, or None."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        return str(error)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return f"{url!r} is not an http or https address"
    if parts.query or parts.fragment:
        return f"{url!r} has a query or a fragment: groups and format are keys of their own"
    if parts.username is not None or parts.password is not None:
        return "an address must not hold a name or a password"
    return None


def _refuse_repeats(path: Path, sources: list[SourceConfiguration]) -> None:
    """No id twice; no folder or group brought, and no server asked, by two sources."""
    ids: set[str] = set()
    owners: dict[str, str] = {}
    for source in sources:
        if source.id in ids:
            raise ConfigurationError(f"{path}: source {source.id!r}: id (the source's own name) is used twice")
        ids.add(source.id)
        if isinstance(source, FolderSource):
            wanted, key = [f"folder {source.path}"], "path"
        elif isinstance(source, GpSource):
            wanted, key = [f"group {group} of {source.url}" for group in source.groups], "groups"
        else:
            continue
        for what in wanted:
            if (other := owners.setdefault(what.lower() if key == "groups" else what, source.id)) != source.id:
                raise ConfigurationError(f"{path}: source {source.id!r}: {key}: {what} is already source {other!r}'s")
