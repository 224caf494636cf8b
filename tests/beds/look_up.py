"""Opens every place that `evidenced explain --json` (on stdin) names, in a bundle, and looks whether that
very value stands there. The standard library alone, as an auditor has it: shares no code with evidenced.

usage: look_up.py BUNDLE < explanation.json
Prints one line of JSON for each place: attribute, fact, value found. Exits 1 where something else stands there.
"""

import base64
import csv
import io
import json
import re
import sys
import xml.etree.ElementTree as ElementTree
import zipfile


def pointer(document, path):
    for step in path.split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        document = document[int(step)] if isinstance(document, list) else document[step]
    return document


def element(body, path):
    node, steps = ElementTree.fromstring(body), path.split("/")[1:]
    assert local(node) == steps[0], f"{local(node)} is not {steps[0]}"
    for step in steps[1:]:
        name, number = re.fullmatch(r"([^\[]+)(?:\[(\d+)\])?", step).groups()
        node = [child for child in node if local(child) == name][int(number or 1) - 1]
    return node


def local(node):
    return node.tag.rsplit("}", 1)[-1]


def stands(body, at):
    """What stands there: JSON as it is, text as text."""
    (form, where), = at.items()
    if form in ("pointer", "head"):
        return True, pointer(json.loads(body), where)
    if form == "line":
        line = body.decode().split("\n")[where["line"] - 1]
        return (True, pointer(json.loads(line), where["pointer"])) if line.startswith("{") else (False, line)
    if form == "rows":
        return True, body.decode().splitlines()[where["from"] - 1:]
    if form == "element":
        node = element(body, where)
        return (True, list(node)) if len(node) else (False, node.text or "")
    table = base64.b64decode(element(body, where["element"]).text)
    rows = list(csv.reader(io.StringIO(table.decode())))
    return False, rows[where["row"] - 1][rows[0].index(where["column"])]


def same(said, is_json, value):
    if "without_it" in said:
        return len(value) == said["without_it"]
    text = said["value"]
    if is_json and not text.endswith("…"):
        return json.loads(text) == value
    found = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False) if is_json else value
    return found.startswith(text[:-1]) if text.endswith("…") else found == text


def main():
    bundle, explanation = zipfile.ZipFile(sys.argv[1]), json.load(sys.stdin)
    top, wrong = bundle.namelist()[0].split("/")[0], 0
    for attribute in explanation["attributes"]:
        for place in attribute["places"]:
            body = bundle.read(f"{top}/{place['file']}")
            is_json, value = stands(body, place["at"])
            good = same(place["stands"], is_json, value)
            wrong += not good
            shown = value if isinstance(value, (str, bool, int, dict)) else f"{len(value or [])} entries"
            print(json.dumps({"key": attribute["key"], "fact": place["fact"], "stands": shown, "good": good}))
    sys.exit(1 if wrong else 0)


main()
