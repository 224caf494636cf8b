#!/usr/bin/env python3
"""Prints the bill of materials of the program as CycloneDX 1.6 JSON: every crate that is built for a target, with its
licence, its checksum, and what it needs; and what compiles them here. The same source and compilers give the same bytes.

    SOURCE_DATE_EPOCH=… deploy/sbom.py TARGET        for instance x86_64-unknown-linux-gnu

Asks cargo, and compilers and linker for their versions. What is built only to build others (macros, build scripts) is in it as `excluded`. C libraries are in the
crates that carry them: libsqlite3-sys, aws-lc-sys, zstd-sys."""

import datetime
import json
import os
import pathlib
import re
import subprocess
import sys
import tomllib
import uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = "evidenced"


def cargo(*args):
    return subprocess.run(["cargo", *args, "--locked"], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def built(target, edges):
    """Name and version of what is built, by cargo's own rules for features and platforms."""
    tree = cargo("tree", "-p", PROGRAM, "--edges", edges, "--target", target, "--prefix", "none", "--format", "{p}")
    return {tuple(re.match(r"(\S+) v(\S+)", line).groups()) for line in tree.splitlines() if line}


def compilers():
    """What the same bytes need: the first line of what each says of itself."""
    for tool in "rustc", "cc", "ld":
        said = subprocess.run([tool, "--version"], check=True, capture_output=True, text=True).stdout
        yield {"name": f"build:{tool}", "value": said.splitlines()[0]}


def purl(crate):
    return "pkg:cargo/{}@{}".format(*crate)


def component(package, checksums, shipped):
    crate = package["name"], package["version"]
    found = {
        "type": "library",
        "bom-ref": purl(crate),
        "name": crate[0],
        "version": crate[1],
        "scope": "required" if crate in shipped else "excluded",
        "purl": purl(crate),
        # `MIT/Apache-2.0` is how it was written once.
        "licenses": [{"expression": re.sub(r"\s*/\s*", " OR ", package["license"])}],
    }
    if crate in checksums:
        found["hashes"] = [{"alg": "SHA-256", "content": checksums[crate]}]
    if package["repository"]:
        found["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
    return found


def bill(target):
    metadata = json.loads(cargo("metadata", "--format-version", "1", "--filter-platform", target))
    lock = (ROOT / "Cargo.lock").read_bytes()
    checksums = {
        (package["name"], package["version"]): package["checksum"]
        for package in tomllib.loads(lock.decode())["package"]
        if "checksum" in package
    }
    shipped, everything = built(target, "normal,no-proc-macro"), built(target, "normal,build")
    crates = {package["id"]: (package["name"], package["version"]) for package in metadata["packages"]}
    packages = sorted(
        (package for package in metadata["packages"] if crates[package["id"]] in everything),
        key=lambda package: crates[package["id"]],
    )
    components = [component(package, checksums, shipped) for package in packages]
    program = next(found for found in components if found["name"] == PROGRAM)
    components.remove(program)
    program["type"] = "application"
    needs = {
        purl(crates[node["id"]]): sorted(
            {purl(crates[needed["pkg"]]) for needed in node["deps"] if crates[needed["pkg"]] in everything}
        )
        for node in metadata["resolve"]["nodes"]
        if crates[node["id"]] in everything
    }
    made = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.timezone.utc)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": uuid.uuid5(uuid.NAMESPACE_URL, purl((PROGRAM, program["version"])) + target + lock.decode()).urn,
        "version": 1,
        "metadata": {
            "timestamp": made.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": program,
            "properties": [{"name": "cargo:target", "value": target}, *compilers()],
        },
        "components": components,
        "dependencies": [{"ref": ref, "dependsOn": needs[ref]} for ref in sorted(needs)],
    }


print(json.dumps(bill(sys.argv[1]), indent=1))
