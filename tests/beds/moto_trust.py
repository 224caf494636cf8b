#!/usr/bin/env python3
"""A moto server on a free port of the loopback with identity providers, policies that ask for a factor, and
an organisation of four accounts; a few users, so that it starts at once.

    moto_trust.py

Prints one line of JSON when ready: the port, the acting user's key, the accounts' numbers by name, and by
user whether a policy denies everything without a factor. Runs until its standard input closes.
"""

import json
import logging
import sys

ACTOR = "evidenced"
REGION = "us-east-1"
CERTIFICATE = "-----BEGIN CERTIFICATE-----sample-----END CERTIFICATE-----"
# AWS's example, "IAM users can manage their own MFA device on the Security credentials page", its deny.
KEPT = [
    "iam:CreateVirtualMFADevice",
    "iam:EnableMFADevice",
    "iam:GetUser",
    "iam:GetMFADevice",
    "iam:ListMFADevices",
    "iam:ListVirtualMFADevices",
    "iam:ResyncMFADevice",
    "sts:GetSessionToken",
]


def deny(operator="BoolIfExists"):
    condition = {operator: {"aws:MultiFactorAuthPresent": "false"}}
    listing = {"Sid": "List", "Effect": "Allow", "Action": "iam:ListVirtualMFADevices", "Resource": "*"}
    statement = {"Sid": "Deny", "Effect": "Deny", "NotAction": KEPT, "Resource": "*", "Condition": condition}
    return json.dumps({"Version": "2012-10-17", "Statement": [listing, statement]})


def fill_users(iam):
    """Users with keys alone, and what policies do to them."""
    arn = iam.create_policy(PolicyName="need-mfa", Path="/staff/", PolicyDocument=deny())["Policy"]["Arn"]
    revised = iam.create_policy(PolicyName="revised", PolicyDocument=deny())["Policy"]["Arn"]
    allow = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}})
    iam.create_policy_version(PolicyArn=revised, PolicyDocument=allow, SetAsDefault=True)
    iam.create_group(GroupName="staff")
    iam.attach_group_policy(GroupName="staff", PolicyArn=arn)
    iam.create_group(GroupName="strict")
    iam.put_group_policy(GroupName="strict", PolicyName="own", PolicyDocument=deny())

    denied = {
        "inline": True,
        "attached": True,
        "grouped": True,
        "grouped-inline": True,
        "plain-bool": False,
        "bounded": False,
        "revised": False,
        "open": False,
    }
    for name in denied:
        boundary = {"PermissionsBoundary": arn} if name == "bounded" else {}
        iam.create_user(UserName=name, **boundary)
        iam.create_access_key(UserName=name)
    iam.put_user_policy(UserName="inline", PolicyName="own", PolicyDocument=deny())
    iam.attach_user_policy(UserName="attached", PolicyArn=arn)
    iam.add_user_to_group(UserName="grouped", GroupName="staff")
    iam.add_user_to_group(UserName="grouped-inline", GroupName="strict")
    iam.put_user_policy(UserName="plain-bool", PolicyName="own", PolicyDocument=deny("Bool"))
    iam.attach_user_policy(UserName="revised", PolicyArn=revised)
    return denied


def fill_providers(iam):
    for name in ("Okta", "AWSSSO_0123456789abcdef_DO_NOT_DELETE"):
        iam.create_saml_provider(Name=name, SAMLMetadataDocument=CERTIFICATE * 20)
    iam.create_open_id_connect_provider(
        Url="https://token.actions.githubusercontent.com", ThumbprintList=["a" * 40], ClientIDList=["sts.amazonaws.com"]
    )


def fill_organization(organizations):
    numbers = {}
    organizations.create_organization(FeatureSet="ALL")
    for name in ("staging", "closed", "sandbox"):
        made = organizations.create_account(AccountName=name, Email=f"{name}@acme.example", RoleName="evidenced")
        numbers[name] = made["CreateAccountStatus"]["AccountId"]
    organizations.close_account(AccountId=numbers["closed"])
    return numbers


def main():
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()

    def client(service, key="testing", secret="testing", token=None):
        return boto3.client(
            service,
            endpoint_url=f"http://127.0.0.1:{port}",
            region_name=REGION,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
        )

    iam = client("iam")
    denied = fill_users(iam)
    fill_providers(iam)
    numbers = fill_organization(client("organizations"))
    role = f"arn:aws:iam::{numbers['staging']}:role/evidenced"
    assumed = client("sts").assume_role(RoleArn=role, RoleSessionName="seed")["Credentials"]
    member = client("iam", assumed["AccessKeyId"], assumed["SecretAccessKey"], assumed["SessionToken"])
    member.create_user(UserName="of-staging")
    member.create_login_profile(UserName="of-staging", Password="Corr3ct-Horse-Batt3ry!")

    iam.create_user(UserName=ACTOR, Path="/service/")
    key = iam.create_access_key(UserName=ACTOR)["AccessKey"]
    ready = {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"], "accounts": numbers, "denied": denied}
    print(json.dumps({"port": port, **ready}), flush=True)
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main()
