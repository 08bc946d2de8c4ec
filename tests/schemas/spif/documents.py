"""A security policy of our own, written to have one of everything, and documents made from parts."""

SPIF = "http://www.xmlspif.org/spif"
HEAD = (
    'schemaVersion="2.1" version="3" creationDate="20260101000000Z" originatorDN="cn=test" keyIdentifier=""'
    ' privilegeId="1.2.3" rbacId="1.2.3"'
)
CLASSES = """
  <securityClassification name="OPEN" lacv="1" hierarchy="1"/>
  <securityClassification name="CLOSED" lacv="2" hierarchy="2"/>
  <securityClassification name="SEALED" lacv="3" hierarchy="3">
    <requiredCategory operation="onlyOne">
      <categoryGroup tagSetRef="Shared With" tagType="permissive"/>
    </requiredCategory>
  </securityClassification>
  <securityClassification name="LOCKED" lacv="4" hierarchy="3" obsolete="true"/>
"""
TAG_SETS = """
  <securityCategoryTagSet name="Shared With" id="1.2.3.1">
    <securityCategoryTag name="Shared With" tagType="permissive">
      <tagCategory name="NORTH" lacv="1"/>
      <tagCategory name="SOUTH" lacv="2"/>
      <tagCategory name="EAST" lacv="3"><excludedClass>OPEN</excludedClass></tagCategory>
    </securityCategoryTag>
  </securityCategoryTagSet>
  <securityCategoryTagSet name="Programmes" id="1.2.3.2">
    <securityCategoryTag name="Programmes" tagType="restrictive" maxSelection="2">
      <tagCategory name="LYRE" lacv="1"/>
      <tagCategory name="HARP" lacv="2" requiredClass="CLOSED"/>
      <tagCategory name="DRUM" lacv="3">
        <requiredCategory operation="all">
          <categoryGroup tagSetRef="Programmes" tagType="restrictive" lacv="1"/>
        </requiredCategory>
      </tagCategory>
      <tagCategory name="GONG" lacv="4">
        <excludedCategory tagSetRef="Programmes" tagType="restrictive" all="true"/>
      </tagCategory>
    </securityCategoryTag>
    <securityCategoryTag name="Boxes" tagType="enumerated" enumType="restrictive" singleSelection="true">
      <tagCategory name="RED BOX" lacv="100"/>
      <tagCategory name="BLUE BOX" lacv="101" notBefore="2026-01-01T00:00:00Z" notAfter="2026-12-31T23:59:59Z"/>
    </securityCategoryTag>
  </securityCategoryTagSet>
  <securityCategoryTagSet name="Remarks" id="1.2.3.3">
    <securityCategoryTag name="Remarks" tagType="tagType7">
      <tagCategory name="STAFF" lacv="1"/>
      <tagCategory name="OLD" lacv="2" obsolete="true"/>
    </securityCategoryTag>
    <securityCategoryTag name="Until" tagType="tagType7">
      <tagCategory name="until" lacv="9" userInput="date" dateFormat="yyyy-MM-dd"/>
    </securityCategoryTag>
  </securityCategoryTagSet>
"""


def spif(
    *,
    name: str = "SKY",
    oid: str = "1.2.3",
    head: str = HEAD,
    classes: str = CLASSES,
    sets: str = TAG_SETS,
    rest: str = "",
) -> bytes:
    """A document from its parts."""
    tag_sets = f"<securityCategoryTagSets>{sets}</securityCategoryTagSets>" if sets else ""
    return (
        f'<SPIF xmlns="{SPIF}" {head}><securityPolicyId name="{name}" id="{oid}"/>'
        f"<securityClassifications>{classes}</securityClassifications>{tag_sets}{rest}</SPIF>"
    ).encode()
