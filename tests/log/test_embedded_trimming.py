"""Trimming the embedded log: records are gone from its file, ends and order stay, also after it was opened anew."""

from pathlib import Path

import pytest

from ingest.embedded_log import EmbeddedLog
from ingest.log import Entry
from ingest.topics import ELEMENTS

MARKER = b"MARKED-FOR-DELETION"


def files_with_marker(directory: Path) -> list[Path]:
    return [path for path in directory.iterdir() if MARKER in path.read_bytes()]


async def test_what_is_trimmed_is_gone_from_the_file_and_ends_stay(tmp_path: Path) -> None:
    async with EmbeddedLog(tmp_path) as log:
        await log.append(ELEMENTS, [Entry(b"key", MARKER + b"%d" % n) for n in range(500)])
        ((partition, end),) = ((tp, end) for tp, end in (await log.end_offsets(ELEMENTS)).items() if end)
        await log.trim({partition: end}, wiped=True)
        assert not files_with_marker(tmp_path)
        assert await log.read(partition, 0, 10) == []
    async with EmbeddedLog(tmp_path) as log:
        assert (await log.end_offsets(ELEMENTS))[partition] == end
        await log.append(ELEMENTS, [Entry(b"key", b"next")])
        assert [(record.offset, record.value) for record in await log.read(partition, 0, 10)] == [(end, b"next")]
        async with log.subscribe("group", [ELEMENTS]) as member:
            assert [record.value for record in await member.fetch(10, 1.0)] == [b"next"]


async def test_only_what_lies_before_the_offset_is_trimmed_and_nothing_beyond_the_end(tmp_path: Path) -> None:
    async with EmbeddedLog(tmp_path) as log:
        await log.append(ELEMENTS, [Entry(b"key", b"%d" % n) for n in range(5)])
        ((partition, end),) = ((tp, end) for tp, end in (await log.end_offsets(ELEMENTS)).items() if end)
        with pytest.raises(ValueError, match="nothing is trimmed"):
            await log.trim({partition: end + 1})
        for _ in range(2):
            await log.trim({partition: 3})
        await log.trim({partition: 1})
        assert [record.value for record in await log.read(partition, 0, 10)] == [b"3", b"4"]
