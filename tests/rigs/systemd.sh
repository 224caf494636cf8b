#!/bin/sh
# The units of deploy/systemd under a real systemd that is booted for it: they start, notify, have no privilege, read
# credentials, are restarted when they hang or die, and stop in time in the middle of a collection, on record.
#
#   tests/rigs/systemd.sh [PROGRAM]          as root; needs debootstrap and systemd-container (Debian's packages)
#
# Boots a Debian in .beds/debian (made at the first run), in a namespace without network. Ends with 0 when all holds.
set -eu
cd "$(dirname "$0")/../.."
program=${1:-target/debug/evidenced}
for tool in debootstrap systemd-nspawn nsenter systemd-analyze; do
    command -v "$tool" >/dev/null || { echo "rig: $tool is missing; hint: apt-get install debootstrap systemd-container" >&2; exit 1; }
done
[ "$(id -u)" = 0 ] || { echo "rig: needs root" >&2; exit 1; }
[ -x "$program" ] || { echo "rig: $program is missing; hint: cargo build" >&2; exit 1; }

base=.beds/debian
if ! [ -e $base/usr/bin/systemctl ]; then
    mkdir -p .beds
    debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,ca-certificates bookworm $base >/dev/null
fi
work=$(mktemp -d)
tree=$work/tree
name=evidenced-rig-$$
cp -a $base "$tree"

nspawn=""
cleanup() {
    [ -z "$nspawn" ] || { kill -9 "$(leader)" "$nspawn"; wait "$nspawn"; } 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT
fail() {
    echo "FAILED: $*" >&2
    inside journalctl -u evidenced -o cat --no-pager -n 40 >&2 || true
    exit 1
}
leader() { pgrep -P "$nspawn" | head -1; }
inside() { nsenter -t "$(leader)" -a -- "$@"; }
# Until a command succeeds, for so many seconds.
within() {
    limit=$1; shift
    until "$@" >/dev/null 2>&1; do
        limit=$((limit - 1))
        [ "$limit" -gt 0 ] || return 1
        sleep 1
    done
}
property() { inside systemctl show -P "$1" evidenced; }
is() { [ "$(property "$1")" = "$2" ]; }
ask() { inside /usr/bin/evidenced --config /etc/evidenced/evidenced.toml "$@"; }

# Installed as the operations guide says.
install -m 755 "$program" "$tree/usr/bin/evidenced"
install -m 644 deploy/systemd/*.service "$tree/etc/systemd/system/"
install -d -m 755 "$tree/etc/evidenced" && install -d -m 700 "$tree/etc/evidenced/credentials"
install -d "$tree/etc/systemd/system/evidenced.service.d" "$tree/srv/restore-tests"
printf 'not a token, only a name for one' >"$tree/etc/evidenced/credentials/github-token"
chmod 600 "$tree/etc/evidenced/credentials/github-token"
cat >"$tree/etc/evidenced/evidenced.toml" <<'EOF'
organization = "Rig"
origin = "rig.example/soc2"
state_dir = "/var/lib/evidenced"
stop_timeout = "3s"
[collectors.restores]
kind = "backup_restores"
schedule = "* * * * *"
[collectors.restores.settings]
directory = "/srv/restore-tests"
stores = [{ name = "db" }]
[collectors.github]
kind = "github_changes"
schedule = "0 0 * * 1"
[collectors.github.settings]
repositories = [{ name = "rig/shop", branches = ["main"] }]
credentials = { token = { credential = "github-token" } }
api_url = "http://127.0.0.1:9/"
[controls.T-1]
title = "t"
criteria = ["CC7.5"]
owner = "o"
severity = "high"
collectors = ["restores"]
test = "restore_test"
stale_after = "36h"
[controls.T-2]
title = "t"
criteria = ["CC8.1"]
owner = "o"
severity = "high"
collectors = ["github"]
test = "change_review"
stale_after = "36h"
EOF
# Somebody who accepts connections and never answers.
cat >"$tree/etc/systemd/system/silent.socket" <<'EOF'
[Socket]
ListenStream=127.0.0.1:9
[Install]
WantedBy=sockets.target
EOF
printf '[Service]\nExecStart=/bin/sleep infinity\n' >"$tree/etc/systemd/system/silent.service"
drop_in() { printf '[Service]\n%s\n' "$@" >"$tree/etc/systemd/system/evidenced.service.d/rig.conf"; }
drop_in 'LoadCredential=github-token:/etc/evidenced/credentials/github-token'

systemd-nspawn -q -M "$name" -D "$tree" --boot --register=no --keep-unit --private-network --console=read-only \
    </dev/null >"$work/console" 2>&1 &
nspawn=$!
within 30 sh -c "pgrep -P $nspawn" || fail "nothing booted: $(cat "$work/console")"
inside systemctl is-system-running --wait >/dev/null 2>&1 || true

# As units alone.
inside systemd-analyze verify evidenced.service evidenced-init.service 2>&1 | grep -v "'man " | grep . && fail "systemd-analyze verify"
score=$(systemd-analyze security --offline=true --threshold=12 deploy/systemd/evidenced.service | tail -1) || fail "exposed: $score"
echo "ok  $score"

# No ledger, no daemon: a wrong path must not begin a new log.
inside systemctl start evidenced 2>/dev/null && fail "the daemon started without a ledger"
inside systemctl reset-failed evidenced
inside systemctl start evidenced-init || fail "evidenced-init: $(inside journalctl -u evidenced-init -o cat --no-pager)"
inside journalctl -u evidenced-init -o cat --no-pager | grep -q '^rig.example/soc2+' || fail "init did not print the key"
inside systemctl start evidenced-init 2>/dev/null && fail "a second init made something"
echo "ok  the ledger is made once, and the daemon makes none"

inside systemctl start evidenced || fail "the daemon does not start"
pid=$(property MainPID)
status() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$(inside_pid)/status"; }
inside_pid() { pgrep -f -n '^/usr/bin/evidenced --config /etc/evidenced/evidenced.toml run'; }
[ "$(status CapEff)" = 0000000000000000 ] || fail "capabilities: $(status CapEff)"
[ "$(status Seccomp)" = 2 ] && [ "$(status NoNewPrivs)" = 1 ] || fail "no system call filter"
[ "$(status Uid | cut -f1)" != 0 ] || fail "it is root"
within 20 ask health || fail "health: $(ask health 2>&1)"
echo "ok  started and notified, pid $pid, without any capability, and healthy"

# Reload.
sed -i 's/^owner = "o"/owner = "somebody"/' "$tree/etc/evidenced/evidenced.toml"
inside systemctl reload evidenced
within 10 sh -c "nsenter -t $(leader) -a -- systemctl show -P StatusText evidenced | grep -q 'is in force'" || fail "reload: $(property StatusText)"
echo "ok  reloaded: $(property StatusText)"

# What an operator does as root leaves nothing behind that the daemon cannot use.
restarts=$(property NRestarts)
slots() { ask --json status --calendar | grep -c '"outcome": "done"' || true; }
ask waive T-1 db --reason rig --approver 'the auditor' --expires-in 1d >/dev/null || fail "waive as root"
ask export --from 2020-01-01 --to "$(date -u +%Y-%m-%dT%H:%M:%SZ)" --out /tmp/bundle.zip >/dev/null || fail "export as root"
ask anchor list >/dev/null || fail "anchor list as root"
foreign=$(inside find /var/lib/private/evidenced -user root)
[ -z "$foreign" ] || fail "root's in the daemon's directory: $foreign"
before=$(slots)
more() { [ "$(slots)" -gt "$before" ]; }
within 130 more || fail "nothing is collected any more"
within 20 ask health || fail "not well after what root did: $(ask health 2>&1)"
is NRestarts "$restarts" || fail "it was started anew after what root did"
echo "ok  root waived and exported beside it, and it goes on"

# As the guide says how commands run as the daemon does: with its user, its directory and its secrets.
sed -n '/^as_daemon() {$/,/^}$/p' deploy/README.md >"$tree/srv/as_daemon"
as_daemon() { inside sh -c '. /srv/as_daemon && as_daemon "$@"' sh "$@"; }
as_daemon collect now restores >/dev/null || [ $? = 3 ] || fail "collect now as the daemon: $(as_daemon collect now restores 2>&1)"
foreign=$(inside find /var/lib/private/evidenced ! -uid "$(status Uid | cut -f1)")
[ -z "$foreign" ] || fail "another's in the daemon's directory: $foreign"
said=$(as_daemon --json doctor || true)
echo "$said" | grep -q 'Connection refused' || fail "doctor as the daemon did not ask with the token: $said"
echo "$said" | grep -q 'gives credentials to the service alone' && fail "doctor as the daemon had no token: $said"
ask --json doctor | grep -q 'gives credentials to the service alone' || fail "doctor as root says nothing of the token"
echo "ok  commands run as the daemon does, with its secrets"

# A schedule that is due each minute, and killed in between.
within 90 sh -c "nsenter -t $(leader) -a -- /usr/bin/evidenced -c /etc/evidenced/evidenced.toml --json status | grep -q '\"last_end\": \"done\"'" || fail "no run ended"
inside systemctl kill -s KILL evidenced
within 30 is NRestarts $((restarts + 1)) && within 20 ask health || fail "not restarted after kill -9: $(property NRestarts)"
echo "ok  restarted after kill -9"

# Hung: first without a watchdog, which shows that the test can fail.
hang() {
    drop_in 'LoadCredential=github-token:/etc/evidenced/credentials/github-token' "WatchdogSec=$1"
    inside systemctl daemon-reload
    inside systemctl restart evidenced
    inside systemctl kill -s STOP evidenced
}
hang 0
within 8 sh -c "! nsenter -t $(leader) -a -- systemctl is-active evidenced" && fail "a hung daemon without a watchdog ended"
inside systemctl kill -s CONT evidenced
restarts=$(property NRestarts)
hang 2
within 30 sh -c "[ \"\$(nsenter -t $(leader) -a -- systemctl show -P NRestarts evidenced)\" -gt $restarts ]" || fail "a hung daemon was not restarted"
inside journalctl -u evidenced -o cat --no-pager | grep -q 'Watchdog timeout' || fail "it was not the watchdog"
within 20 ask health || fail "not well after the watchdog: $(ask health 2>&1)"
echo "ok  a hung daemon is started anew by the watchdog, and without one it is not"

# Stopped in the middle of a collection that would never end.
drop_in 'LoadCredential=github-token:/etc/evidenced/credentials/github-token'
sed -i 's/^schedule = "0 0 \* \* 1"/schedule = "* * * * *"/' "$tree/etc/evidenced/evidenced.toml"
inside systemctl daemon-reload
inside systemctl start silent.socket
inside systemctl restart evidenced
running() { ask --json status | grep -q '"last_end": "running"'; }
within 90 running || fail "no collection is going on"
began=$(date +%s)
inside systemctl stop evidenced
took=$(($(date +%s) - began))
[ "$took" -lt 20 ] && is Result success || fail "stopping took $took s and ended as $(property Result)"
ask --json status | grep -q '"last_end": "\(aborted\|interrupted\)"' || fail "what was running has no end on record: $(ask --json status)"
inside sh -c 'cat /proc/self/mounts >/dev/null; journalctl -u evidenced -o cat --no-pager' | grep -q 'only a name for one' && fail "the secret is in the journal"
ask verify --ledger /var/lib/evidenced >/dev/null || fail "the ledger does not verify"
echo "ok  stopped in the middle of a collection within $took s, on record; the ledger verifies"
