"""The logs that the contract tests run on."""

import uuid
from pathlib import Path

import pytest

from ingest.embedded_log import EmbeddedLog
from ingest.kafka_log import KafkaLog
from tests.log.places import TOPICS, Place


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty log of each kind."""
    if request.param == "embedded":
        return Place("embedded", lambda: EmbeddedLog(tmp_path / "log", TOPICS))
    bootstrap: str = request.getfixturevalue("kafka_bootstrap")
    prefix = f"{uuid.uuid4().hex[:8]}."
    return Place("kafka", lambda: KafkaLog(bootstrap, TOPICS, prefix))
