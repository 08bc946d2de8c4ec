"""Questions to the history, answered by DuckDB over the planned files, each through a release table.

The release table joins first: a row that it does not let through takes part in nothing, neither in newest-of nor in
counting nor in paging. So an answer is a function of the visible rows alone.

A release table has the columns ``kind``, ``data_mode``, ``originator``, ``label_id``, ``delay_ns`` (int64, not
negative), ``mask_id`` (any type, handed through), ``time_step_ns`` (int64, 1: exact) and ``distance_step_m`` (float64,
0: exact), each combination of the first four at most once. Epochs, TCAs and miss distances take part in every
condition, order, cursor and newest-of as they are shown: rounded down to those steps. The answer has them as they are.

``order_key`` (text of fixed length, secret): rows whose release row has ``whole`` (bool) false are ordered among equals
by a keyed hash of their id instead of the id, and the answer has that as ``order_id`` (`shown_values`).

``withdrawn`` (``record_id``, ``derived``): these records do not exist, nor conjunctions with a parent among those that
are ``derived``. None and no rows: nothing is withdrawn, and nothing is joined.
"""

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any, Self, Unpack

import pyarrow as pa

from schemas.records import Kind
from ssa_hub.history.changes import Changes, changes
from ssa_hub.history.checkpointed import CheckpointedNewest
from ssa_hub.history.conditions import conditions
from ssa_hub.history.conjunction_questions import ConjunctionsCursor, conjunctions_question
from ssa_hub.history.element_questions import ElementsCursor, history_question, newest_question
from ssa_hub.history.message_queries import MessageQueries
from ssa_hub.history.planning import Range
from ssa_hub.history.question import FILES, Question, columns_sql
from ssa_hub.history.reading import Reader
from ssa_hub.history.side_by_side import SideBySideCursor, side_by_side_question
from ssa_hub.history.store import History
from ssa_hub.history.tables import definition_of
from ssa_hub.history.terms import KnownTerms, NumberedTerms, asked_on, extent_of, named_by


class HistoryQueries:
    """The read side of a history. Threads may share one: each call has its own DuckDB cursor and plan.

    All methods raise ValueError for bad arguments and HistoryUnavailableError where files or catalogue fail.
    Results have the record schema's columns and the mask ids, in the stated total order; ``after`` is the
    order's key of the last row of the page before; ``terms``: `ssa_hub.history.terms`.
    """

    def __init__(self, history: History) -> None:
        self._reader = Reader(history)
        self._checkpointed = CheckpointedNewest(self._reader)

    @property
    def messages(self) -> MessageQueries:
        """Questions about conjunction messages and ephemerides."""
        return MessageQueries(self._reader)

    def read_ahead(self) -> Future[int]:
        """Begin to read what the first questions about objects would wait for; how many files, once it has ended."""
        return self._reader.read_ahead()

    def close(self) -> None:
        """Close DuckDB; calls that run in other threads fail."""
        self._reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def elements_history(
        self,
        release: pa.Table,
        *,
        epoch_from_tai_ns: int | None = None,
        epoch_to_tai_ns: int | None = None,
        after: ElementsCursor | None = None,
        **terms: Unpack[KnownTerms],
    ) -> pa.Table:
        """Element sets, ordered by (object_id, epoch_tai_ns, received_tai_ns, record id or ``order_id``).

        A row matches if its object id or its catalogue number is named (None and None: every object), its epoch is
        within [from, to], and it was received by ``known_at_tai_ns``. Columns: ELEMENT_SET and ``mask_id``.
        """
        asked = asked_on(release, Kind.ELEMENTS, terms)
        epochs = Range(epoch_from_tai_ns, epoch_to_tai_ns)
        return self._ask(history_question(asked, named_by(terms), epochs=epochs, after=after, **extent_of(terms)))

    def elements_newest(self, release: pa.Table, *, after: str | None = None, **terms: Unpack[KnownTerms]) -> pa.Table:
        """Per object the visible element set of the newest epoch, ordered by object_id.

        Between equal epochs the later received wins, then the greater record id (``order_id``). With
        ``known_at_tai_ns`` only what had been received by then takes part (as-of). Columns: ELEMENT_SET, ``mask_id``.
        """
        asked, named = asked_on(release, Kind.ELEMENTS, terms), named_by(terms)
        given = extent_of(terms) | {"after": after}
        if named:
            question = newest_question(asked, named, **given)
            found = self._reader.ask_of_objects(question)
            if found is not None or terms.get("catalogue_numbers") is not None:
                return self._reader.ask(question) if found is None else found
        return self._checkpointed.ask(asked, terms.get("object_ids"), **given)

    def elements_changes(
        self,
        release: pa.Table,
        *,
        from_tai_ns: int,
        to_tai_ns: int,
        after: str | None = None,
        **terms: Unpack[NumberedTerms],
    ) -> Changes:
        """Objects whose newest visible element set as known at ``to`` is not that as known at ``from``, by object_id.

        Defined in `ssa_hub.history.changes`; the tables are as those of `elements_newest`.
        """

        def newest_as_of(instant_tai_ns: int, behind: str | None, most: int) -> pa.Table:
            known: KnownTerms = {**terms, "limit": most, "known_at_tai_ns": instant_tai_ns}
            return self.elements_newest(release, after=behind, **known)

        return changes(newest_as_of, from_tai_ns, to_tai_ns, after, terms["limit"])

    def elements_side_by_side(
        self, release: pa.Table, *, after: SideBySideCursor | None = None, **terms: Unpack[KnownTerms]
    ) -> pa.Table:
        """Per (object, originator, source) the visible element set of the newest epoch, ordered by these three.

        Newest as in `elements_newest`. Columns: ELEMENT_SET, ``mask_id``.
        """
        asked = asked_on(release, Kind.ELEMENTS, terms)
        return self._ask(side_by_side_question(asked, named_by(terms), after=after, **extent_of(terms)))

    def conjunctions(
        self,
        release: pa.Table,
        *,
        tca_from_tai_ns: int | None = None,
        tca_to_tai_ns: int | None = None,
        miss_distance_max_m: float | None = None,
        after: ConjunctionsCursor | None = None,
        **terms: Unpack[KnownTerms],
    ) -> pa.Table:
        """Conjunctions with TCA within [from, to], ordered by (tca_tai_ns, record id or ``order_id``).

        A row is visible only if the combinations of both parents' orbits are released for derived conjunctions, after
        the longer of the two delays. Objects and numbers named: one of the two objects is meant. Columns:
        CONJUNCTION, ``mask_id_1`` and ``mask_id_2``.
        """
        question = conjunctions_question(
            asked_on(release, Kind.DERIVED_CONJUNCTIONS, terms, ("r1", "r2")),
            named_by(terms, "_1") | named_by(terms, "_2"),
            tcas=Range(tca_from_tai_ns, tca_to_tai_ns),
            miss_distance_max_m=miss_distance_max_m,
            after=after,
            **extent_of(terms),
        )
        return self._reader.ask(question)

    def records_by_id(
        self,
        kind: str,
        record_ids: Sequence[str],
        *,
        received_from_tai_ns: int | None = None,
        received_to_tai_ns: int | None = None,
    ) -> pa.Table:
        """Records by their ids, without any release (for explanations to originators), ordered by record_id.

        Ids are hashes, which no file's bounds can prune: give the range of reception where it is known.
        """
        definition = definition_of(kind)
        ranges = {"received_tai_ns": Range(received_from_tai_ns, received_to_tai_ns)}
        named: dict[str, Sequence[Any]] = {"record_id": record_ids}
        where, parameters = conditions("e", ranges, named)
        sql = f"""SELECT {columns_sql("e", kind)} FROM {FILES} e WHERE true {where} ORDER BY e.record_id"""
        return self._reader.ask(Question(definition.kind, sql, parameters, ranges, named))

    def _ask(self, question: Question) -> pa.Table:
        """The answer, from the files of the objects where such are named and can be read directly."""
        found = self._reader.ask_of_objects(question) if question.named else None
        return self._reader.ask(question) if found is None else found
