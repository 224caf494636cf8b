"""Holds a bill of materials on standard input to CycloneDX' own schema, strictly. Says what is wrong, and exits 1."""

import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(sys.stdin.read())
print(wrong or "")
sys.exit(1 if wrong else 0)
