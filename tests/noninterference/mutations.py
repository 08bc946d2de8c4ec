"""Mistakes that somebody could make in the hub, each as a text in one file and what stands there instead.

None of them touches what the worlds are made with (`release.record_decision` and what it asks).
"""

from typing import NamedTuple


class Mutation(NamedTuple):
    """A mistake by its name; ``old`` stands in the file exactly once."""

    name: str
    file: str
    old: str
    new: str


_ELEMENTS = "ssa_hub/history/element_questions.py"
MUTATIONS = (
    Mutation(
        "newest of all records, the filter after it",
        _ELEMENTS,
        "{VISIBLE} {where}\n          GROUP BY e.object_id",
        "{VISIBLE.replace('JOIN release', 'LEFT JOIN release').replace(' - r.delay_ns', '')} {where}"
        "\n          GROUP BY e.object_id",
    ),
    Mutation(
        "another error for a hidden record than for none",
        "ssa_hub/api/explaining.py",
        "        raise not_found()",
        "        hidden = used.explainer._state.recorded.get(record_id) is not None\n"
        '        raise not_found("It is not released to you.") if hidden else not_found()',
    ),
    Mutation(
        "a page that hidden rows fill",
        _ELEMENTS,
        "    FROM {FILES} e JOIN release r\n",
        "    FROM (SELECT * FROM {FILES} ORDER BY object_id, epoch_tai_ns, received_tai_ns LIMIT 4) e\n"
        "    JOIN release r\n",
    ),
    Mutation(
        "an embargo that pages forget",
        _ELEMENTS,
        "WHERE e.data_mode = $data_mode AND e.received_tai_ns <= $now_tai_ns - r.delay_ns",
        "WHERE e.data_mode = $data_mode AND e.received_tai_ns <= $now_tai_ns",
    ),
    Mutation(
        "an embargo that exports forget",
        "ssa_hub/history/export_question.py",
        "received <= wanted.now_tai_ns - delay\n",
        "received <= wanted.now_tai_ns - 0 * delay\n",
    ),
    Mutation(
        "an embargo that messages forget",
        "ssa_hub/history/message_queries.py",
        "m.received_tai_ns <= $now_tai_ns - r.delay_ns",
        "m.received_tai_ns <= $now_tai_ns",
    ),
    Mutation(
        "an embargo that the stream forgets",
        "ssa_hub/state/feed.py",
        "    due = recorded.c.received_tai_ns + delay_ns\n",
        "    due = recorded.c.received_tai_ns + 0 * delay_ns\n",
    ),
    Mutation(
        "a conjunction that one parent's originator releases",
        "ssa_hub/history/conjunction_questions.py",
        "    JOIN release r2 ON r2.data_mode = c.data_mode AND r2.originator = c.parent_originator_2\n"
        "                   AND r2.label_id = c.parent_label_id_2",
        "    JOIN release r2 ON r2.data_mode = c.data_mode AND r2.originator = c.parent_originator_1\n"
        "                   AND r2.label_id = c.parent_label_id_1",
    ),
    Mutation(
        "a release table that knows no labels",
        "ssa_hub/release/table.py",
        "_permitted_labels=permitted_label_ids(partner, labels, now_tai_ns=now_tai_ns, policies=policies)",
        "_permitted_labels=tuple(sorted(labels))",
    ),
    Mutation(
        "a policy version of all rules",
        "ssa_hub/release/policy_version.py",
        "[originator, [rule.content for rule in agreement.rules if rule.concerns(partner)]]",
        "[originator, [rule.content for rule in agreement.rules]]",
    ),
    Mutation(
        "a what-if that counts all orbits",
        "ssa_hub/sharing/what_if.py",
        "            objects=orbits.num_rows,",
        "            objects=self._state.newest.elements(question.data_mode.value).num_rows,",
    ),
    Mutation(
        "reasons for everybody who asks",
        "ssa_hub/sharing/explaining.py",
        "            if may_explain(asker, about, deciding_originators(kind, row)):",
        "            if may_explain(asker, about, deciding_originators(kind, row)) or about.name == 'GAMMA':",
    ),
    Mutation(
        "a stream that goes on after a hidden record",
        "ssa_hub/sharing/stream.py",
        "        if seen is None or delay_ns > DELAY_S_MAX * NS_PER_SECOND:\n"
        "            raise UnknownEventError(shown_id)\n",
        "        if seen is None and (hidden := self._state.recorded.get(shown_id)) is not None:\n"
        "            return place_of(hidden.recorded_tai_ns, hidden.seq, under_way_ns=0)\n"
        "        if seen is None or delay_ns > DELAY_S_MAX * NS_PER_SECOND:\n"
        "            raise UnknownEventError(shown_id)\n",
    ),
    Mutation(
        "withdrawing what is another's",
        "ssa_hub/sharing/withdrawing.py",
        "if any(record_id not in read or not read[record_id][1].is_of(originator) for record_id in wanted):",
        "if any(record_id not in read for record_id in wanted):",
    ),
    Mutation(
        "numbers of all partners' withdrawals as their names",
        "ssa_hub/sharing/opaque_ids.py",
        "return hmac.digest(self._secret, said, hashlib.sha256)[:_ID_BYTES].hex()",
        "said = str(self._state.recorded.last_seq()).encode()\n"
        "        return hmac.digest(self._secret, said, hashlib.sha256)[:_ID_BYTES].hex()",
    ),
)
