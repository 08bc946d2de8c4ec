"""Views of conjunction messages and ephemerides, through a partner's release table, as `ssa_hub.sharing.views`.

The files of an ephemeris hold every state exactly, so they are for those who see every field of its index record, and
do not exist for anybody else.
"""

from collections.abc import Callable
from enum import StrEnum

import pyarrow as pa

from ingest.blob_store import BlobStore
from schemas.records import Kind
from schemas.timescales import now_tai_ns
from ssa_hub.history.message_queries import MessageQueries
from ssa_hub.release.partner import Partner
from ssa_hub.sharing.disclosures import Channel, disclosures_of
from ssa_hub.sharing.page import Key, Page
from ssa_hub.sharing.policies import Policies
from ssa_hub.sharing.seen_records import is_withdrawn, seen_record
from ssa_hub.sharing.views import Selection, as_known, page_of, through
from ssa_hub.state.recorded import read_bodies
from ssa_hub.state.store import State


class EphemerisFile(StrEnum):
    """Which of an ephemeris' files is asked for."""

    STATES = "states"
    COVARIANCES = "covariances"


class MessageViews:
    """The sharing side of messages. Threads may share one."""

    def __init__(
        self,
        queries: MessageQueries,
        state: State,
        policies: Policies,
        blobs: BlobStore,
        clock_tai_ns: Callable[[], int] = now_tai_ns,
    ) -> None:
        self._queries, self._state, self._policies, self._blobs = queries, state, policies, blobs
        self._clock_tai_ns = clock_tai_ns

    def conjunction_messages(
        self,
        partner: Partner,
        chosen: Selection,
        *,
        tca_from_tai_ns: int | None,
        tca_to_tai_ns: int | None,
        after: Key | None,
        limit: int,
    ) -> Page:
        """Conjunction messages that are released to him, by (TCA, order among equals), which ``after`` holds."""
        now = self._clock_tai_ns()
        released = self._policies.released_to(partner, now)
        kind = Kind.CONJUNCTION_MESSAGES
        found = self._queries.conjunction_messages(
            released.of_kind(kind),
            tca_from_tai_ns=tca_from_tai_ns,
            tca_to_tai_ns=tca_to_tai_ns,
            after=None if after is None else (int(after[0]), str(after[1])),
            **as_known(released, kind, chosen, now, limit),
        )
        return page_of(found, released, now, kind, chosen.data_mode, limit, ("tca_tai_ns", "order_id"))

    def ephemerides(
        self,
        partner: Partner,
        chosen: Selection,
        *,
        designators: list[str] | None,
        usable_from_tai_ns: int | None,
        usable_to_tai_ns: int | None,
        after: Key | None,
        limit: int,
    ) -> Page:
        """Index records that are released to him, by (reception, order among equals), which ``after`` holds."""
        now = self._clock_tai_ns()
        released = self._policies.released_to(partner, now)
        kind = Kind.EPHEMERIDES
        found = self._queries.ephemerides(
            released.of_kind(kind),
            designators=designators,
            usable_from_tai_ns=usable_from_tai_ns,
            usable_to_tai_ns=usable_to_tai_ns,
            known_at_tai_ns=chosen.known_at_tai_ns,
            after=None if after is None else (int(after[0]), str(after[1])),
            **through(released, kind, chosen, now, limit),
        )
        return page_of(found, released, now, kind, chosen.data_mode, limit, ("received_tai_ns", "order_id"))

    def ephemeris_file(self, partner: Partner, shown_id: str, which: EphemerisFile) -> Page | None:
        """A whole file of an ephemeris that he sees every field of, exactly; None: for him there is none.

        One answer for every reason. Raises ValueError for what is no record id, StateUnavailableError, OSError and
        ValueError where the file is gone or has changed.
        """
        now = self._clock_tai_ns()
        rules = self._policies.rules()
        released = self._policies.released_to(partner, now)
        seen = seen_record(self._state, rules, released.ids, partner, shown_id, now_tai_ns=now)
        if seen is None or seen.kind is not Kind.EPHEMERIDES or is_withdrawn(seen.kind, seen.row, rules):
            return None
        sha256 = seen.row[f"{which}_sha256"]
        grant = released.table.grant(seen.kind, seen.row["data_mode"], seen.row["originator"])
        if sha256 is None or grant is None or not seen.mask.shows_all(seen.kind):
            return None
        index = read_bodies([seen.entry.body], seen.entry.kind)
        index = index.append_column("mask_id", pa.array([grant.mask_id], pa.int32()))
        told = disclosures_of(index, seen.kind, released.table, partner=partner.name, channel=Channel.PAGE)
        return Page(
            self._blobs.get(sha256),
            released.table.policy_version,
            seen.row["data_mode"],
            None,
            tuple(told),
            (seen.row["label_id"],),
            now,
        )
