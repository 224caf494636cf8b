#!/usr/bin/env python3
"""A moto server on a free port of the loopback, its IAM filled in process (the API takes 45 s for 1,000 users).

    moto_iam.py N [--truth FILE] [--user NAME]... [--allow ACTION]... [--enforce] [--report-now]

Prints one line of JSON when ready: the port, the acting user's key, and every secret that evidence must
not hold (seeds of virtual devices as they stand in answers). Runs until its standard input closes; a
line there, a JSON list of actions, is what the acting user may do from then on, and is said again when it is so.

The acting user `evidenced` is one more user of the account, with a policy that allows the actions given;
with --enforce, moto checks signatures and evaluates policies. --user adds a console user of that name.
moto dates every credential report to 2015; with --report-now it is dated when it is asked for, as AWS does.
"""

import argparse
import base64
import json
import os
import sys

from seed_iam import plan

ACCOUNT = "123456789012"
ACTOR = "evidenced"


def fill(iam, users):
    for i, user in enumerate(users):
        name = user["user"]
        iam.create_user("us-east-1", name, user["path"])
        if user["console"]:
            iam.create_login_profile(name, "Corr3ct-Horse-Batt3ry!")
        if user["device"] == "virtual" or user["orphan"]:
            serial = iam.create_virtual_mfa_device(f"{name}-mfa", "/").serial_number
            if not user["orphan"]:
                iam.enable_mfa_device(name, serial, "123456", "654321")
        if user["device"] == "hardware":
            iam.enable_mfa_device(name, f"GAHT{i:08d}", "123456", "654321")
        for _ in range(user["keys_active"]):
            iam.create_access_key(name)
        for _ in range(user["keys_inactive"]):
            iam.create_access_key(name, status="Inactive")


def allow(iam, actions):
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    iam.put_user_policy(ACTOR, "read", json.dumps(policy))


def actor(iam, actions):
    iam.create_user("us-east-1", ACTOR, "/service/")
    allow(iam, actions)
    key = iam.create_access_key(ACTOR)
    return key.access_key_id, key.secret_access_key


def secrets(iam):
    """Seeds and pictures of virtual devices, as stored and as base64 of that, and the keys' secrets."""
    found = [key.secret_access_key for key in iam.access_keys.values()]
    for device in iam.virtual_mfa_devices.values():
        for value in (device.base32_string_seed, device.qr_code_png):
            raw = value if isinstance(value, bytes) else value.encode()
            found.append(base64.b64encode(raw).decode())
            if raw.isascii():
                found.append(raw.decode())
    return found


def date_reports():
    from datetime import datetime, timezone

    from moto.iam.responses import IamResponse

    undated = IamResponse.get_credential_report

    def dated(self):
        answer = undated(self)
        answer.result["GeneratedTime"] = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        return answer

    IamResponse.get_credential_report = dated


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int)
    parser.add_argument("--truth", help="file to write the truth to, JSON")
    parser.add_argument("--user", action="append", default=[], help="one more console user")
    parser.add_argument("--allow", action="append", default=[], help="what the acting user may do")
    parser.add_argument("--enforce", action="store_true", help="check signatures and policies")
    parser.add_argument("--report-now", action="store_true", help="date credential reports as AWS does")
    args = parser.parse_args()

    # Read by moto when it is imported; without it every signature passes.
    if args.enforce:
        os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = "0"
    import logging

    from moto.iam.models import iam_backends
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    if args.report_now:
        date_reports()
    iam = iam_backends[ACCOUNT]["aws"]
    users = list(plan(args.count))
    fill(iam, users)
    for name in args.user:
        iam.create_user("us-east-1", name, "/")
        iam.create_login_profile(name, "Corr3ct-Horse-Batt3ry!")
    key, secret = actor(iam, args.allow or ["sts:*", "iam:*"])
    if args.truth:
        with open(args.truth, "w") as out:
            json.dump(users, out)

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    print(json.dumps({"port": port, "key": key, "secret": secret, "secrets": secrets(iam)}), flush=True)
    for line in sys.stdin:
        allow(iam, json.loads(line))
        print(line, end="", flush=True)
    server.stop()


if __name__ == "__main__":
    main()
