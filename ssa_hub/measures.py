"""What the hub counts and times of itself: Prometheus metrics, and nothing else.

No I/O and no threads here: modules that do the work increment these, `ssa_hub.services.gauges` sets those that say how
much there is, and `ssa_hub.api.metrics` or a worker's `--metrics-port` shows them. One registry of the hub's own, so
that nothing that another library registers appears. Names are `ssa_hub_<thing>_<unit>` (prometheus-client adds `_total`
to counters). No label carries an object, a record or a partner: labels are few and fixed by what the operator wrote.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY: Final = CollectorRegistry(auto_describe=True)

# Seconds. A commit to history takes 0.05 to 0.5 s on an idle machine, a request 2 ms to some seconds.
_COMMIT_BOUNDS: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
_REQUEST_BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

RECORDED_ROWS: Final = Counter(
    "ssa_hub_recorded_rows", "Rows that this process has committed to history.", ["kind"], registry=REGISTRY
)
COMMIT_SECONDS: Final = Histogram(
    "ssa_hub_commit_seconds",
    "How long this process's commits to history took, with writing of their files.",
    ["kind"],
    buckets=_COMMIT_BOUNDS,
    registry=REGISTRY,
)
LOG_LAG: Final = Gauge(
    "ssa_hub_log_lag_messages",
    "Messages on the log that are not yet in history, summed over the topic's partitions.",
    ["topic"],
    registry=REGISTRY,
)
PARTITION_LAG: Final = Gauge(
    "ssa_hub_log_partition_lag_messages",
    "Messages on one partition of the log that are not yet in history.",
    ["topic", "partition"],
    registry=REGISTRY,
)
LOG_LAG_SECONDS: Final = Gauge(
    "ssa_hub_log_lag_seconds",
    "Seconds since the oldest record that is not yet in history was received; 0 where none waits.",
    registry=REGISTRY,
)
WRONG: Final = Gauge(
    "ssa_hub_wrong_count", "Things that ssa-hub status would name as wrong; more than 0 is an alarm.", registry=REGISTRY
)
HISTORY_FILES: Final = Gauge(
    "ssa_hub_history_files_count",
    "Live data files of history, by kind and level.",
    ["kind", "level"],
    registry=REGISTRY,
)
HISTORY_ROWS: Final = Gauge(
    "ssa_hub_history_rows_count", "Rows of history's live data files, by kind.", ["kind"], registry=REGISTRY
)
QUARANTINED: Final = Counter(
    "ssa_hub_quarantined_records",
    "Records that this process put into quarantine, by source.",
    ["source"],
    registry=REGISTRY,
)
QUARANTINE_ROWS: Final = Gauge(
    "ssa_hub_quarantine_rows_count", "Rows that stand in quarantine, all processes.", registry=REGISTRY
)
SCREENING_AGE_SECONDS: Final = Gauge(
    "ssa_hub_screening_age_seconds",
    "Seconds since the newest complete screening of a data mode ended.",
    ["data_mode"],
    registry=REGISTRY,
)
NEWEST_RECORDED_AGE_SECONDS: Final = Gauge(
    "ssa_hub_newest_recorded_age_seconds", "Seconds since the newest record was recorded.", registry=REGISTRY
)
CHECKPOINT_AGE_SECONDS: Final = Gauge(
    "ssa_hub_checkpoint_age_seconds",
    "Seconds between now and the instant of the newest checkpoint of the catalogue.",
    registry=REGISTRY,
)
REFUSED_PUSHES: Final = Counter(
    "ssa_hub_refused_pushes", "Pushes that were refused, by reason.", ["reason"], registry=REGISTRY
)
REQUEST_SECONDS: Final = Histogram(
    "ssa_hub_request_seconds",
    "From a request's arrival to the last byte of its answer, by route and status.",
    ["route", "method", "status"],
    buckets=_REQUEST_BOUNDS,
    registry=REGISTRY,
)
STATE_BYTES: Final = Gauge("ssa_hub_state_bytes", "Size of the state database.", registry=REGISTRY)
LOG_BYTES: Final = Gauge("ssa_hub_log_bytes", "Size of the embedded log.", registry=REGISTRY)
DISK_FREE_BYTES: Final = Gauge(
    "ssa_hub_disk_free_bytes",
    "Free bytes of the file system that holds a part of the hub.",
    ["part"],
    registry=REGISTRY,
)
GATHERED_TIMESTAMP_SECONDS: Final = Gauge(
    "ssa_hub_gauges_gathered_timestamp_seconds",
    "UNIX time (UTC) at which the gauges of how much there is were last set.",
    registry=REGISTRY,
)
