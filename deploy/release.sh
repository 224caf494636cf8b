#!/bin/sh
# Makes target/release-VERSION, all that a release consists of: the program, the Debian and RPM packages, the tools for
# auditors, a bill of materials (CycloneDX), and SHA256SUMS of all of them, signed.
#
#   deploy/release.sh KEY [PROGRAM]
#
#   KEY      an OpenSSH private key (ssh-keygen -t ed25519), or a public one whose private half ssh-agent holds
#   PROGRAM  one that deploy/build.sh made; without it, it is built
#
# Needs what deploy/package.sh needs, Python 3.11 and OpenSSH 8.2. The source must be committed. How to verify: deploy/README.md, "Verify a release".
set -eu
cd "$(dirname "$0")/.."
key=${1:?name the key to sign with}
[ -f "$key" ] || { echo "release: there is no key $key; hint: ssh-keygen -t ed25519 -f $key" >&2; exit 1; }
[ -z "$(git status --porcelain)" ] ||
    { echo "release: the source is not what is committed; hint: git status" >&2; exit 1; }
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
host=$(rustc -vV | sed -n 's/^host: //p')

program=${2:-}
[ -n "$program" ] || program=$(deploy/build.sh)
deploy/package.sh "$program"
version=$(target/package/evidenced --version | cut -d' ' -f2)
out=target/release-$version
rm -rf "$out"
mkdir -p "$out"

# Owners, times and order are those of nobody's machine.
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -C target/package -c evidenced |
    gzip -9n >"$out/evidenced-$version-$host.tar.gz"
cp target/package/*.deb target/package/*.rpm target/package/auditor/* "$out/"
cp deploy/restore-drill "$out/"

deploy/sbom.py "$host" >"$out/evidenced-$version.cdx.json"

(cd "$out" && sha256sum -- * >../SHA256SUMS && mv ../SHA256SUMS .)
ssh-keygen -q -Y sign -f "$key" -n evidenced-release "$out/SHA256SUMS"
ssh-keygen -q -Y check-novalidate -n evidenced-release -s "$out/SHA256SUMS.sig" <"$out/SHA256SUMS"
(cd "$out" && sha256sum --quiet -c SHA256SUMS)
ls -l "$out"
