"""What an originator is told of the deletions of his own records."""

import msgspec

from ssa_hub.release.deletion_proof import DeletionProof
from ssa_hub.release.partner import Partner
from ssa_hub.sharing.utc import utc_texts
from ssa_hub.state.deletions import Deletion, Deletions


class OwnDeletion(msgspec.Struct, frozen=True):
    """One deletion. ``finished_utc``, root and signature are null while something of the records is left."""

    number: int
    kind: str
    rule: str
    agreement_version: str
    records: int
    received_before_utc: str
    began_utc: str
    finished_utc: str | None
    merkle_root: str | None
    signature: str | None


class OwnDeletions(msgspec.Struct, frozen=True):
    """The asker's deletions, oldest first, and the key that they are signed with."""

    deletions: tuple[OwnDeletion, ...]
    public_key: str


class DeletionViews:
    """Each partner's own deletions. Raises StateUnavailableError."""

    def __init__(self, deletions: Deletions) -> None:
        self._deletions = deletions

    def of(self, asker: Partner) -> OwnDeletions:
        """All deletions of his records."""
        return OwnDeletions(
            tuple(_told(each) for each in self._deletions.all(asker.name)), self._deletions.public_key().hex()
        )

    def proof(self, asker: Partner, record_id: str) -> DeletionProof | None:
        """The proof of a record in a deletion of his; None where there is none."""
        return self._deletions.prove(record_id, asker.name)


def _told(deletion: Deletion) -> OwnDeletion:
    cutoff, began, finished = utc_texts([deletion.cutoff_tai_ns, deletion.began_tai_ns, deletion.finished_tai_ns])
    return OwnDeletion(
        deletion.number,
        deletion.kind,
        deletion.rule,
        deletion.agreement_version,
        deletion.records,
        str(cutoff),
        str(began),
        finished,
        None if deletion.merkle_root is None else deletion.merkle_root.hex(),
        None if deletion.signature is None else deletion.signature.hex(),
    )
