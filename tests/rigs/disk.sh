#!/bin/bash
# A daemon on a disk that fills up, for real: `sudo tests/rigs/disk.sh target/debug/evidenced [ext4|tmpfs]`.
# It needs root, for a file system of 12 MiB of its own, in a mount namespace that ends with it.
set -euo pipefail
program=$(readlink -f "$1"); kind=${2:-ext4}
if [ -z "${INSIDE:-}" ]; then exec env INSIDE=1 unshare -m --propagation private "$0" "$program" "$kind"; fi
home=$(mktemp -d); daemon=
end() { [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true; wait; umount "$home/disk" 2>/dev/null || true; rm -rf "$home"; }
trap end EXIT
mkdir "$home/disk" "$home/logs"
if [ "$kind" = ext4 ]; then
  truncate -s 12M "$home/image"; mkfs.ext4 -q -m 0 "$home/image"; mount -o loop "$home/image" "$home/disk"
else
  mount -t tmpfs -o size=12m tmpfs "$home/disk"
fi
cd "$home"
cat > evidenced.toml <<'TOML'
organization = "Rig"
origin = "rig.example/soc2"
state_dir = "disk/state"
[limits]
disk_reserve_mib = 2
[alerts]
disk_free_min_mib = 4
[collectors.c]
kind = "backup_restores"
schedule = "* * * * *"
settings = { directory = "logs", stores = [{ name = "db" }] }
[controls.T-1]
title = "t"
criteria = ["CC7.5"]
owner = "o"
severity = "high"
collectors = ["c"]
test = "restore_test"
stale_after = "36h"
TOML
sed -i "s|\"logs\"|\"$home/logs\"|" evidenced.toml
say() { echo "$(date -u +%T) $*"; }
slots() { "$program" status --calendar --json | grep -c "$1" || true; }
# Until a command prints another number than before, for at most so many seconds.
until_more() {
  local words=$1 before=$2 limit=$3
  for _ in $(seq "$limit"); do
    [ "$(slots "$words")" -gt "$before" ] && return 0
    kill -0 "$daemon" || { say "the daemon ended"; tail -5 log; exit 1; }
    sleep 1
  done
  say "no more of: $words"; tail -5 log; exit 1
}
"$program" init >/dev/null
"$program" run 2>log & daemon=$!
until_more '"done"' 0 130; say "collecting: $(df -m --output=avail disk | tail -1) MiB free"
filler=$(($(df -k --output=avail disk | tail -1) - 1500))
dd if=/dev/zero of=disk/filler bs=1k count=$filler status=none; sync
before=$(slots "nothing is collected: the disk has")
until_more "nothing is collected: the disk has" "$before" 130; say "below the reserve: a slot is missed for the disk"
"$program" health >/dev/null 2>health || true; grep -q "nothing is collected" health; say "health says so, and the daemon is alive"
dd if=/dev/zero of=disk/rest bs=1k status=none 2>/dev/null || true; sync
say "to the last byte: $(df -k --output=avail disk | tail -1) KiB free"
for _ in $(seq 100); do kill -0 "$daemon" || { say "the daemon ended"; tail -5 log; exit 1; }; sleep 1; done
say "after 100 s of that the daemon is there still: $(grep -c 'disk is full' log || true) times it could not record"
"$program" health --alive >/dev/null
before=$(slots '"done"'); begun=$(date +%s); rm disk/filler disk/rest
until_more '"done"' "$before" 130; say "there is space: a run is done $(($(date +%s) - begun)) s later"
told() { "$program" alerts --json | grep -q "$1"; }
# That there is space again is noticed by the next look of the daemon, and not by the run.
for _ in $(seq 90); do told disk_recovered && break; sleep 1; done
for event in disk_low disk_recovered; do told $event || { say "nobody was told: $event"; "$program" alerts --json; exit 1; }; done
say "people were told of both"
kill "$daemon"; wait "$daemon"; daemon=
"$program" verify --ledger disk/state
say "done on $kind"
