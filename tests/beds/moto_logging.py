#!/usr/bin/env python3
"""A moto server on a free port of the loopback with trails, buckets and detectors.

    moto_logging.py [--allow ACTION]... [--enforce]

Prints one line of JSON when ready: the port and a key. One trail takes in every region and is in order, but that
nothing looks for threats in eu-west-2; another, of us-west-2 alone, is stopped. Runs until its standard input closes.

With --enforce, the key is that of a user whose policy allows the actions given, and moto checks signatures and
evaluates policies; a line on standard input, a JSON list of actions, is what the user may do from then on, and is
said again when it is so.
"""

import argparse
import json
import logging
import sys

HOME = "eu-west-1"
ALL = [{"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": []}]


def allow(actions):
    from moto.iam.models import iam_backends

    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    # Not over the network, where policies are evaluated.
    iam_backends["123456789012"]["aws"].put_user_policy("evidenced", "read", policy)


def enforce(iam, actions):
    from moto import settings

    iam.create_user(UserName="evidenced")
    key = iam.create_access_key(UserName="evidenced")["AccessKey"]
    allow(actions)
    # From now on: what was seeded before needed no policy.
    settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
    return key["AccessKeyId"], key["SecretAccessKey"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--allow", action="append", default=[], help="what the acting user may do")
    parser.add_argument("--enforce", action="store_true", help="check signatures and policies")
    args = parser.parse_args()

    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()

    def client(service, region=HOME):
        return boto3.client(
            service,
            endpoint_url=f"http://127.0.0.1:{port}",
            region_name=region,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    s3 = client("s3")
    for bucket in ("all-logs", "few-logs"):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": HOME})
    rule = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 400}}
    s3.put_bucket_lifecycle_configuration(Bucket="all-logs", LifecycleConfiguration={"Rules": [rule]})

    trails = client("cloudtrail")
    trails.create_trail(
        Name="all", S3BucketName="all-logs", IsMultiRegionTrail=True, EnableLogFileValidation=True, KmsKeyId="alias/logs"
    )
    trails.put_event_selectors(TrailName="all", EventSelectors=ALL)
    trails.start_logging(Name="all")
    few = client("cloudtrail", "us-west-2")
    few.create_trail(Name="few", S3BucketName="few-logs")
    few.put_event_selectors(TrailName="few", EventSelectors=ALL)

    found = client("ec2").describe_regions()["Regions"]
    regions = sorted(region["RegionName"] for region in found if region["OptInStatus"] != "not-opted-in")
    for region in regions:
        if region != "eu-west-2":
            client("guardduty", region).create_detector(Enable=True)

    key, secret = enforce(client("iam"), args.allow) if args.enforce else ("testing", "testing")
    print(json.dumps({"port": port, "key": key, "secret": secret, "regions": regions}), flush=True)
    for line in sys.stdin:
        allow(json.loads(line))
        print(line, end="", flush=True)
    server.stop()


if __name__ == "__main__":
    main()
