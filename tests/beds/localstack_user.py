#!/usr/bin/env python3
"""A user of LocalStack's IAM whose policy allows some actions.

    localstack_user.py PORT ACTION...

Prints the user's key, one line of JSON. LocalStack's simulator compares actions letter by letter, so no pattern is
any use to it.
"""

import json
import sys

import boto3


def main():
    port, actions = sys.argv[1], sys.argv[2:]
    iam = boto3.client(
        "iam",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="any",
    )
    iam.create_user(UserName="evidenced")
    statement = {"Effect": "Allow", "Action": actions, "Resource": ["*"]}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="evidenced", PolicyName="read", PolicyDocument=policy)
    key = iam.create_access_key(UserName="evidenced")["AccessKey"]
    print(json.dumps({"id": key["AccessKeyId"], "secret": key["SecretAccessKey"]}))


if __name__ == "__main__":
    main()
