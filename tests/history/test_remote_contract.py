"""What a history promises, on a REST catalogue and an object store: the tests of the local one, unchanged."""

from collections.abc import Iterator

import pytest

from ssa_hub.history.store import History
from tests.history.remote import Remote
from tests.history.test_compactor import (
    test_files_that_are_written_are_seen_only_when_they_replace_others,
    test_positions_and_other_properties_outlive_a_merge_and_a_stale_append_fails_as_before,
)
from tests.history.test_queries import (
    test_conjunctions_carry_the_masks_of_both_parents,
    test_hidden_rows_never_change_an_answer,
    test_threads_with_different_releases_get_their_own_answers,
)
from tests.history.test_removal import test_a_tagged_snapshot_is_kept, test_of_young_snapshots_only_the_newest_are_kept
from tests.history.test_store import (
    test_a_table_on_which_pyiceberg_would_retry_by_itself_is_refused,
    test_an_append_from_a_stale_position_shows_nothing,
    test_an_append_without_rows_moves_the_positions,
    test_positions_outlive_later_commits,
    test_the_utc_month_of_reception_is_stored_and_tables_have_no_partitions,
)
from tests.history.test_traffic import (
    test_element_sets_are_counted_by_combination_within_the_period_and_its_parts,
    traffic,
)

__all__ = [
    "test_a_table_on_which_pyiceberg_would_retry_by_itself_is_refused",
    "test_a_tagged_snapshot_is_kept",
    "test_an_append_from_a_stale_position_shows_nothing",
    "test_an_append_without_rows_moves_the_positions",
    "test_conjunctions_carry_the_masks_of_both_parents",
    "test_element_sets_are_counted_by_combination_within_the_period_and_its_parts",
    "test_files_that_are_written_are_seen_only_when_they_replace_others",
    "test_hidden_rows_never_change_an_answer",
    "test_of_young_snapshots_only_the_newest_are_kept",
    "test_positions_and_other_properties_outlive_a_merge_and_a_stale_append_fails_as_before",
    "test_positions_outlive_later_commits",
    "test_the_utc_month_of_reception_is_stored_and_tables_have_no_partitions",
    "test_threads_with_different_releases_get_their_own_answers",
    "traffic",
]
pytestmark = pytest.mark.iceberg


@pytest.fixture
def history(remote: Remote) -> Iterator[History]:
    """An empty history in the object store."""
    with remote.open() as opened:
        yield opened
