"""Topics as the hub creates them on a real broker."""

import uuid

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from ingest.kafka_log import KafkaLog
from ingest.topics import ELEMENTS, HUB, QUARANTINE, TOPICS

pytestmark = pytest.mark.kafka


async def test_topics_are_created_to_keep_what_nobody_has_recorded_however_old(kafka_bootstrap: str) -> None:
    prefix = f"{uuid.uuid4().hex[:8]}."
    async with KafkaLog(kafka_bootstrap, (*TOPICS, HUB), prefix):
        pass
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    await admin.start()
    try:
        found = {}
        for name in (ELEMENTS, QUARANTINE, HUB.name):
            (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, prefix + name)])
            (resource,) = answer.resources
            found[name] = {entry[0]: entry[1] for entry in resource[4]}["retention.ms"]
    finally:
        await admin.close()
    assert found == {ELEMENTS: "-1", QUARANTINE: "-1", HUB.name: "-1"}
