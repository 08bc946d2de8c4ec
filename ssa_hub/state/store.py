"""The state as a whole: one object with a repository for each thing that the hub remembers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from sqlalchemy import Connection

from ssa_hub.state.agreements import Agreements
from ssa_hub.state.database import Database, create_database
from ssa_hub.state.deletions import Deletions
from ssa_hub.state.export_jobs import ExportJobs
from ssa_hub.state.feed import Feed
from ssa_hub.state.forgetting import Forgetting
from ssa_hub.state.giving_up import Archive, GivingUp
from ssa_hub.state.labels import Labels
from ssa_hub.state.leases import Leases
from ssa_hub.state.ledger import Ledger
from ssa_hub.state.ledger_periods import LedgerPeriods
from ssa_hub.state.ledger_questions import LedgerQuestions
from ssa_hub.state.memory import Memory
from ssa_hub.state.migrate import migrate
from ssa_hub.state.newest import Newest
from ssa_hub.state.news import News
from ssa_hub.state.notices import Notices
from ssa_hub.state.partners import Partners
from ssa_hub.state.payloads import Payloads
from ssa_hub.state.policy import policy_revision
from ssa_hub.state.positions import Positions
from ssa_hub.state.quarantine import Quarantine
from ssa_hub.state.recorded import Recorded
from ssa_hub.state.recording_withdrawn import RecordingWithdrawn
from ssa_hub.state.runs import Runs
from ssa_hub.state.secrets import Secrets
from ssa_hub.state.security_policies import SecurityPolicies
from ssa_hub.state.tear_lines import TearLines
from ssa_hub.state.withdrawals import Withdrawals


class State:
    """Repositories over one database. Threads may share one.

    A method that takes a ``connection`` is part of the caller's `transaction`; every other method is a transaction
    of its own, durable when it returns. All raise StateUnavailableError where the database fails.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.news = News()
        self.payloads = Payloads(database)
        self.memory = Memory(database)
        self.labels = Labels(database)
        self.secrets = Secrets(database)
        self.deletions = Deletions(database, self.secrets)
        self.archive = Archive()
        self.recorded = Recorded(database, self.deletions.deleted, self.archive)
        self.giving_up = GivingUp(database)
        self.feed = Feed(database)
        self.newest = Newest(database)
        self.forgetting = Forgetting(database, self.newest, self.archive)
        self.positions = Positions(database)
        self.quarantine = Quarantine(database)
        self.partners = Partners(database)
        self.agreements = Agreements(database)
        self.runs = Runs(database)
        self.leases = Leases(database)
        self.export_jobs = ExportJobs(database)
        self.security_policies = SecurityPolicies(database)
        self.notices = Notices(database)
        self.tear_lines = TearLines(database, self.archive)
        self.withdrawals = Withdrawals(database, self.newest, self.archive)
        self.recording_withdrawn = RecordingWithdrawn(database)
        self.ledger = Ledger(database)
        self.ledger_questions = LedgerQuestions(database)
        self.ledger_periods = LedgerPeriods(database, self.secrets)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A write transaction over several repositories."""
        with self.database.transaction() as connection:
            yield connection

    def policy_token(self) -> tuple[object, ...]:
        """Changes whenever partners, keys, agreements, posture or the set of labels do.

        Read it before what it stands for: then what was read is never older than the token.
        """
        with self.database.snapshot() as connection:
            return (policy_revision(connection),)

    def close(self) -> None:
        """Release the connections."""
        self.database.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def open_state(url: str) -> State:
    """Open the state at ``sqlite:///path`` or ``postgresql+psycopg://...`` and bring its tables up to date.

    Two processes may open it at once. Raises ValueError for another kind of database, StateUnavailableError where it
    cannot be reached, alembic.util.CommandError where a newer version made it.
    """
    database = create_database(url)
    migrate(database)
    return State(database)
