#!/usr/bin/env python3
"""Verifies RFC 3161 time-stamps with rfc3161-client, of Trail of Bits, to a root certificate:

    stamps.py ROOT.PEM DATA TOKEN [DATA TOKEN ...]
"""

import sys

from cryptography import x509
from rfc3161_client import VerifierBuilder, decode_timestamp_response


def read(path):
    with open(path, "rb") as file:
        return file.read()


root = x509.load_pem_x509_certificate(read(sys.argv[1]))
for data, token in zip(sys.argv[2::2], sys.argv[3::2], strict=True):
    response = decode_timestamp_response(read(token))
    verifier = VerifierBuilder().add_root_certificate(root).build()
    assert verifier.verify_message(response, read(data)) is True
    print("verified", token, response.tst_info.gen_time.isoformat())
