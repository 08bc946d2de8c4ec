"""Reads OMMs in JSON: CelesTrak's (numbers, 17 keys) and Space-Track's (all strings, null for what is not known)."""

import re
from contextlib import suppress

import numpy as np

from schemas.element_rows import RefusalLimitError, whole_payload_refused
from schemas.omm.gathering import OmmGathering
from schemas.omm.json_lane import JsonObjects, find_objects
from schemas.omm.json_object import BrokenJsonError, ObjectReader, texts_of
from schemas.reading import Reading
from schemas.refusals import RecordRefusedError

_ENCODING = "omm-json"
_SPACE = re.compile(rb"[ \t\n\r]*")
_NEXT_OBJECT = re.compile(rb"\}[ \t\n\r]*,[ \t\n\r]*(?=\{)")
_PART_BYTES = 1 << 22


def read_omm_json(data: bytes, file: str, *, lane: bool = True) -> Reading:
    """The element sets of a JSON array of flat objects, or of one such object; ``file`` is what refusals call it.

    An object that breaks a rule is refused alone; after text that is no JSON, reading goes on at the next object of
    the array. Accepted and named in ``deviations``: see `schemas.omm.rules`. ``lane`` off reads object by object: the
    same, and slow.
    """
    reader = _ArrayReader(data, OmmGathering(data, file, _ENCODING, flat=True), lane)
    try:
        with suppress(RefusalLimitError):  # the gathering holds the refusal that says so
            reader.read()
    except RecordRefusedError as error:
        return whole_payload_refused(_ENCODING, file, error, data)
    return reader.gathering.reading()


class _Part:
    """The objects that the lane found in a part of the payload that ends at ``stop``, and which were reached."""

    def __init__(self, objects: JsonObjects, stop: int) -> None:
        self.objects = objects
        self.stop = stop
        self.records = np.zeros(objects.starts.size, np.int64)  # 0: not reached
        self.breaks = np.flatnonzero(~objects.followed)
        self.given = 0  # so many were handed on or passed by


class _ArrayReader:
    """Walks the values of an array: ``_position`` is where it stands in the payload."""

    def __init__(self, data: bytes, gathering: OmmGathering, lane: bool) -> None:
        self.gathering = gathering
        self._data = data
        self._objects = ObjectReader(data)
        self._position = 0
        self._record = 0
        self._lane = lane
        self._part = _Part(find_objects(b"", 0, 0), 0)

    def read(self) -> None:
        """Read all. Raises RecordRefusedError where the payload is neither array nor object."""
        self._skip_space()
        opening = self._data[self._position : self._position + 1]
        if opening == b"{":
            if self._value():
                self._end()
            return
        if opening != b"[":
            raise RecordRefusedError("payload", self._data[:40], "a JSON array of objects, or one object")
        self._position += 1
        self._skip_space()
        if self._data.startswith(b"]", self._position):
            self._position += 1
            self._end()
            return
        self._members()
        self._hand_on(self._part.records.size)

    def _members(self) -> None:
        """Read the members of the array and its end."""
        while True:
            if self._many() or self._value():
                self._skip_space()
                following = self._data[self._position : self._position + 1]
                self._position += 1
                if following == b",":
                    self._skip_space()
                    continue
                if following == b"]":
                    self._end()
                    return
                self._record += 1
                self._resume(self._position - 1, self._position - 1, "JSON: a comma or the end of the array")
            if self._position >= len(self._data):
                return

    def _many(self) -> bool:
        """Take the objects from here on that the lane found one behind the other; False where there are none."""
        if not self._lane:
            return False
        if self._position >= self._part.stop:
            self._hand_on(self._part.records.size)
            self.gathering.flush()
            stop = min(self._position + _PART_BYTES, len(self._data))
            self._part = _Part(find_objects(self._data, self._position, stop), stop)
        part = self._part
        first = int(np.searchsorted(part.objects.starts, self._position))
        if first == part.records.size or int(part.objects.starts[first]) != self._position:
            return False
        last = int(part.breaks[np.searchsorted(part.breaks, first)])
        count = last + 1 - first
        part.records[first : last + 1] = np.arange(self._record + 1, self._record + 1 + count)
        self._record += count
        self._position = int(part.objects.stops[last])
        return True

    def _hand_on(self, stop: int) -> None:
        """Give the objects that were reached, up to the one with index ``stop``, to the gathering."""
        part = self._part
        rows = part.given + np.flatnonzero(part.records[part.given : stop])
        part.given = stop
        if rows.size:
            spans = np.column_stack([part.objects.starts[rows], part.objects.stops[rows]])
            columns = {name: column.take(rows) for name, column in part.objects.columns.items()}
            self.gathering.add_columns(columns, part.records[rows], spans)

    def _value(self) -> bool:
        """Read the value at hand. False where it is no JSON: then it is refused as far as the next object."""
        start = self._position
        self._record += 1
        try:
            value, self._position = self._objects.read(start)
        except BrokenJsonError as error:
            self._resume(start, error.position, f"JSON: {error}")
            return False
        try:
            self.gathering.add(texts_of(value), self._record, (start, self._position))
        except RecordRefusedError as error:
            self.gathering.refuse(error, self._record, (start, self._position))
        self._flush_if_full()
        return True

    def _resume(self, start: int, broken: int, rule: str) -> None:
        """Refuse from ``start`` on, and stand at the next object of the array, or at the end of the payload."""
        following = _NEXT_OBJECT.search(self._data, broken)
        end = following.end() if following else len(self._data)
        value = self._data[broken : broken + 40]
        self.gathering.refuse(RecordRefusedError("record", value, rule), self._record, (start, end))
        self._position = end
        self._flush_if_full()

    def _end(self) -> None:
        """Demand that nothing follows."""
        self._skip_space()
        if self._position < len(self._data):
            self._record += 1
            value = self._data[self._position : self._position + 40]
            error = RecordRefusedError("payload", value, "nothing behind the JSON value")
            self.gathering.refuse(error, self._record, (self._position, len(self._data)))

    def _flush_if_full(self) -> None:
        if self.gathering.is_full:
            self._hand_on(int(np.searchsorted(self._part.objects.starts, self._position)))
            self.gathering.flush()

    def _skip_space(self) -> None:
        match = _SPACE.match(self._data, self._position)
        if match is not None:
            self._position = match.end()
