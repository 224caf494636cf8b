#!/usr/bin/env python3
"""Fills the IAM of a running moto server through its API, and writes down what is true of it.

    seed_iam.py PORT N [--truth FILE]

`plan` says who has what; moto_iam.py seeds the same plan inside the server's own process.
"""

import argparse
import json


def plan(count):
    """Users user000000 on: the truth about each, in the order of creation.

    Every second one has a console password; of four, two have a virtual device (one of the two with
    no password), and every fortieth has a hardware token. Every hundredth has a virtual device that
    was made and never enabled. Every fifth has an active access key, every 25th an inactive one too.
    """
    for i in range(count):
        device = None
        if i % 4 in (0, 1):
            device = "virtual"
        elif i % 40 == 6:
            device = "hardware"
        yield {
            "user": f"user{i:06d}",
            "path": "/eng/" if i % 3 else "/",
            "console": i % 2 == 0,
            "device": device,
            "orphan": device is None and i % 100 == 2,
            "keys_active": 1 if i % 5 == 0 else 0,
            "keys_inactive": 1 if i % 25 == 0 else 0,
        }


def seed(iam, users):
    """Makes the users with a boto3 client."""
    codes = {"AuthenticationCode1": "123456", "AuthenticationCode2": "654321"}
    for i, user in enumerate(users):
        name = user["user"]
        iam.create_user(UserName=name, Path=user["path"])
        if user["console"]:
            iam.create_login_profile(UserName=name, Password="Corr3ct-Horse-Batt3ry!")
        if user["device"] == "virtual" or user["orphan"]:
            made = iam.create_virtual_mfa_device(VirtualMFADeviceName=f"{name}-mfa")
            if not user["orphan"]:
                serial = made["VirtualMFADevice"]["SerialNumber"]
                iam.enable_mfa_device(UserName=name, SerialNumber=serial, **codes)
        if user["device"] == "hardware":
            iam.enable_mfa_device(UserName=name, SerialNumber=f"GAHT{i:08d}", **codes)
        for _ in range(user["keys_active"]):
            iam.create_access_key(UserName=name)
        for _ in range(user["keys_inactive"]):
            key = iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]
            iam.update_access_key(UserName=name, AccessKeyId=key, Status="Inactive")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("port", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("--truth", help="file to write the truth to, JSON")
    args = parser.parse_args()

    import boto3

    iam = boto3.client(
        "iam",
        endpoint_url=f"http://127.0.0.1:{args.port}",
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    users = list(plan(args.count))
    seed(iam, users)
    if args.truth:
        with open(args.truth, "w") as out:
            json.dump(users, out)


if __name__ == "__main__":
    main()
