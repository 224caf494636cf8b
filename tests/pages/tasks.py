"""Reads a calendar file with icalendar and prints its tasks as JSON. Exits 1 when a line is too long or ends otherwise
than RFC 5545 says."""

import json
import sys
import icalendar

raw = open(sys.argv[1], "rb").read()
assert raw.endswith(b"\r\n") and raw.count(b"\n") == raw.count(b"\r\n"), "a line ends in something else than CRLF"
assert all(len(line) <= 75 for line in raw.split(b"\r\n")), "a line is longer than 75 octets"
calendar = icalendar.Calendar.from_ical(raw)
assert not calendar.errors and str(calendar["version"]) == "2.0", calendar.errors
tasks = []
for task in calendar.walk("VTODO"):
    assert not task.errors, task.errors
    related = task.get("related-to", [])
    tasks.append({
        "uid": str(task["uid"]),
        "stamp": task["dtstamp"].dt.isoformat(),
        "due": task["due"].dt.isoformat() if "due" in task else None,
        "status": str(task["status"]),
        "completed": task["completed"].dt.isoformat() if "completed" in task else None,
        "summary": str(task["summary"]),
        "description": str(task.get("description", "")),
        "priority": int(task.get("priority", 0)),
        "related": [str(one) for one in (related if isinstance(related, list) else [related])],
    })
print(json.dumps(tasks))
