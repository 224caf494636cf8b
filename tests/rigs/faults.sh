#!/bin/sh
# What a machine does to a ledger, for long: kills, system calls that fail, full disks, power cuts, flipped bytes, clocks that
# are set, a second daemon. The tests run the same for a minute (tests/integration/rigs), all but the real ext4.
#
#   tests/rigs/faults.sh [short|long] [SEED]          long: as root, some hours on two cores; needs nbdfuse, fuse3, e2fsprogs
#
# Every rig prints its seed and what it counted, and has a control that must fail. Ends with 0 when all holds.
set -eu
cd "$(dirname "$0")/../.."
how=${1:-short}
[ $# -lt 2 ] || export EVIDENCED_SEED="$2"
sh tests/setup.sh
cargo build --locked --quiet
driver=$(cargo test --locked --test integration --no-run 2>&1 | sed -n 's/.*Executable.*(\(.*\))$/\1/p')
[ -x "$driver" ] || { echo "rig: the tests do not build; hint: cargo test --test integration --no-run" >&2; exit 1; }
# A filter that matches no test would pass.
some() { "$driver" "$1" --list | grep ': test$' >/dev/null || { echo "rig: no test is called $1; hint: see tests/integration/rigs" >&2; exit 1; }; }
rig() { some "$2" && EVIDENCED_CASES=$1 "$driver" "$2" --nocapture --test-threads 1 || { echo "FAILED: $2" >&2; exit 1; }; }
case $how in
short)
    some rigs::
    "$driver" rigs:: --nocapture
    ;;
long)
    for tool in nbdfuse losetup mkfs.ext4 unshare; do
        command -v "$tool" >/dev/null || { echo "rig: $tool is missing; hint: apt-get install nbdfuse fuse3 e2fsprogs mount util-linux" >&2; exit 1; }
    done
    [ "$(id -u)" = 0 ] || { echo "rig: long mounts file systems; hint: run it as root" >&2; exit 1; }
    rig 1000 rigs::kill::
    rig 0 rigs::calls::
    rig 60 rigs::disk::
    EVIDENCED_DISK=ext4 rig 60 rigs::disk::
    rig 2000 rigs::crash::
    tests/rigs/powercut.py "$driver" 1000 ${2:+"$2"}
    rig 10000 rigs::flips::
    for again in 1 2 3 4 5 6 7 8 9 10; do rig 0 rigs::clocks:: && rig 0 rigs::two::; done
    ;;
*)
    sed -n 's/^#   //p' "$0" >&2
    exit 2
    ;;
esac
