"""The seeds of the fuzzer as fixtures: payloads of our own in every form (tests/fuzz/corpus)."""

from pathlib import Path

CORPUS = Path(__file__).parents[1] / "fuzz" / "corpus"
# One payload of good records for each form.
GOOD = {
    "tle": "two-lines.tle",
    "omm-kvn": "two-messages.kvn",
    "omm-xml": "one.xml",
    "omm-json": "celestrak.json",
    "omm-csv": "celestrak.csv",
    "oem-kvn": "covariances.oem",
    "oem-xml": "covariance.xml",
    "cdm-kvn": "two.cdm",
    "cdm-xml": "one.xml",
    "cdm-json": "flat.json",
    "cdm-csv": "public.csv",
    "ocm-kvn": "absolute.ocm",
    "ocm-xml": "one.xml",
    "meme": "two-records.txt",
}


def seed(form: str, name: str | None = None) -> bytes:
    """A seed's bytes; without a name the good one of the form."""
    return (CORPUS / form / (name or GOOD[form])).read_bytes()


def bare_xml(form: str) -> bytes:
    """The good message of an XML form without declaration, to stand in an ``<ndm>``."""
    return seed(form).split(b"?>", 1)[1].strip()
