#!/bin/sh
# The same source, built by deploy/build.sh in two places, gives the same bytes.
#
#   tests/rigs/reproducible.sh [PROFILE]      dist, which is what is released, if none is named
#
# Builds everything twice, third-party crates included: with `dev` that takes some minutes, with `dist` a quarter of an hour
# and more. Ends with 0 when the programs are equal.
set -eu
cd "$(dirname "$0")/../.."
profile=${1:-dist}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
kept=$PWD/target/reproducible
rm -rf "$kept"
mkdir -p "$kept"
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
# Paths of different length, which shows more than paths that differ.
for place in "$work/a" "$work/another/place/further/down"; do
    mkdir -p "$place"
    git archive HEAD | tar -C "$place" -x
    built=$(cd "$place" && deploy/build.sh "$profile")
    sha256sum <"$place/$built" | cut -d' ' -f1 >>"$work/sums"
    ls -l "$place/$built"
    cp "$place/$built" "$kept/$(basename "$place")"
    found=0
    grep -aF -e "$work" -e "${CARGO_HOME:-$HOME/.cargo}" "$place/$built" >"$work/paths" || found=$?
    [ "$found" != 0 ] || {
        echo "FAILED: the program tells where it was built:" >&2
        tr -c ' -~' '\n' <"$work/paths" | grep -F -e "$work" -e "${CARGO_HOME:-$HOME/.cargo}" | head -3 >&2
        exit 1
    }
    [ "$found" = 1 ] || { echo "rig: the program was not searched for paths" >&2; exit 1; }
done
cat "$work/sums"
[ "$(sort -u "$work/sums" | wc -l)" = 1 ] || {
    echo "FAILED: the two programs differ in $(cmp -l "$kept/a" "$kept/down" 2>/dev/null | wc -l) bytes; both are in $kept" >&2
    exit 1
}
rm -rf "$kept"
echo "equal"
