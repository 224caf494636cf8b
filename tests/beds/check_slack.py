"""Holds messages to Slack's own models of blocks: one JSON message a line on stdin. Says how many."""

import json
import sys

from slack_sdk.models.blocks import Block

held = 0
for line in sys.stdin:
    message = json.loads(line)
    assert set(message) == {"text", "blocks"}, set(message)
    assert 0 < len(message["blocks"]) <= 50, len(message["blocks"])
    characters = len(message["text"])
    for block in message["blocks"]:
        parsed = Block.parse(block)
        parsed.validate_json()
        # What its models do not know they leave out.
        assert parsed.to_dict() == block, (parsed.to_dict(), block)
        characters += len(block.get("text", {}).get("text", ""))
    assert characters < 13_000, characters
    held += 1
print(held)
