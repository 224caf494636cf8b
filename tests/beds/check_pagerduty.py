"""Has PagerDuty's own client make events with the contents of ours (JSON lines on stdin), and compares."""

import json
import sys

import httpx2
from pagerduty import EventsApiV2Client


class Seen(EventsApiV2Client):
    def post(self, url, **given):
        assert url == "/v2/enqueue", url
        self.event = {**given["json"], **self.auth_method.auth_param}
        return httpx2.Response(202, json={"status": "success", "dedup_key": self.event.get("dedup_key")},
                               request=httpx2.Request("POST", "https://events.pagerduty.com/v2/enqueue"))


held = 0
for line in sys.stdin:
    ours = json.loads(line)
    payload = dict(ours["payload"])
    theirs = Seen(ours["routing_key"])
    first = {key: payload.pop(key) for key in ("summary", "source", "severity")}
    details = payload.pop("custom_details")
    # Its `resolve` sends no payload, though one is allowed; so both are made as events with one.
    theirs.trigger(dedup_key=ours["dedup_key"], payload=payload, custom_details=details, **first)
    made = {**theirs.event, "event_action": ours["event_action"], "client": ours["client"]}
    assert made == ours, (made, ours)
    assert ours["event_action"] in ("trigger", "resolve")
    assert first["severity"] in ("critical", "error", "warning", "info")
    assert len(first["summary"]) <= 1024 and len(ours["dedup_key"]) <= 255
    assert len(line.encode()) <= 512 * 1024
    held += 1
print(held)
