"""The topics of the log, and what their keys are."""

from typing import NamedTuple

ELEMENTS = "elements"
CONJUNCTIONS = "conjunctions"
CONJUNCTION_MESSAGES = "conjunction-messages"
EPHEMERIDES = "ephemerides"
QUARANTINE = "quarantine"


class Topic(NamedTuple):
    """A topic: its name, its partitions in a deployment, and what the key of its records is."""

    name: str
    partitions: int
    key: str


# Kafka only: the embedded log is one process's, and has a lock.
HUB = Topic("hub", 1, "a word: whose log this is, see ingest.claim")

TOPICS = (
    Topic(ELEMENTS, 6, "object id: one object's element sets stay in order"),
    Topic(CONJUNCTIONS, 6, "object id of the first object"),
    Topic(CONJUNCTION_MESSAGES, 6, "object id of the first object: CDMs as they came"),
    Topic(EPHEMERIDES, 6, "the object as the message designates it: index records of ephemerides"),
    Topic(QUARANTINE, 1, "SHA-256 of the payload"),
)
