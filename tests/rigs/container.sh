#!/bin/sh
# The container of deploy/container, built without any registry of a program that is there, and run as the operations
# guide says: no root, no capability, nothing writable but the volume, no network. It makes a ledger in a new volume, the
# daemon goes on and says so, and it stops by itself when asked.
#
#   tests/rigs/container.sh [PROGRAM]        as root; needs buildah, podman and runc (Debian's packages) and .beds/debian,
#                                            which tests/rigs/systemd.sh makes
#
# What it does not show: compiling in a container, and a base image other than Debian. Ends with 0 when all holds.
set -eu
cd "$(dirname "$0")/../.."
program=${1:-target/debug/evidenced}
base=.beds/debian
for tool in buildah podman runc; do
    command -v $tool >/dev/null || { echo "rig: $tool is missing; hint: apt-get install buildah podman runc" >&2; exit 1; }
done
[ -x "$program" ] || { echo "rig: $program is missing; hint: cargo build" >&2; exit 1; }
[ -e $base/etc/ssl/certs/ca-certificates.crt ] || { echo "rig: $base is missing; hint: tests/rigs/systemd.sh" >&2; exit 1; }

work=$(mktemp -d)
name=evidenced-rig-$$
# A machine without systemd, and runc for kernels that still have the first control groups.
pod() { podman --cgroup-manager cgroupfs --events-backend file --runtime runc "$@"; }
cleanup() {
    pod rm -f $name >/dev/null 2>&1 || true
    pod volume rm $name >/dev/null 2>&1 || true
    podman rmi localhost/$name localhost/$name-base >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap cleanup EXIT
fail() { echo "FAILED: $*" >&2; pod logs $name 2>&1 | tail -20 >&2 || true; exit 1; }
# As the operations guide says, with the example as configuration.
run() {
    pod run --ulimit nofile=4096:4096 --ulimit nproc=4096:4096 --no-healthcheck --network none --read-only --cap-drop=ALL \
        --security-opt=no-new-privileges -v $name:/var/lib/evidenced \
        -v "$work/evidenced.toml:/etc/evidenced/evidenced.toml:ro" "$@"
}

mkdir -p "$work/context/target/package"
install -m 755 "$program" "$work/context/target/package/evidenced"
cp -r .dockerignore deploy "$work/context/"
sed 's#^state_dir = .*#state_dir = "/var/lib/evidenced"#' config/evidenced.example.toml >"$work/evidenced.toml"
chmod 755 "$work" && chmod 644 "$work/evidenced.toml"

tar -C $base -c . | podman import -q - localhost/$name-base >/dev/null
buildah bud -q --isolation chroot --format docker --build-arg BUILD=localhost/$name-base --build-arg BASE=localhost/$name-base \
    --build-arg PROGRAM=packaged -f deploy/container/Containerfile -t localhost/$name "$work/context" >/dev/null
echo "built: $(podman inspect localhost/$name --format 'user {{.Config.User}}, {{.Config.StopSignal}}, {{.Config.Entrypoint}} {{.Config.Cmd}}')"

run --rm localhost/$name init >"$work/init" || fail "init"
grep -q '^evidence@' "$work/init" || fail "init does not say who signs"
run --rm --entrypoint /bin/sh localhost/$name -c \
    '[ "$(id -u)" = 65532 ] && ! touch /x 2>/dev/null && [ "$(stat -c %u /var/lib/evidenced)" = 65532 ]' ||
    fail "it is root, or can write elsewhere, or its state is another's"
run -d --name $name localhost/$name >/dev/null || fail "the daemon does not start"
left=30
until pod exec $name /usr/bin/evidenced health; do
    left=$((left - 1))
    [ $left -gt 0 ] || fail "the daemon is not well"
    sleep 1
done
pod stop -t 60 $name >/dev/null
[ "$(pod inspect $name --format '{{.State.ExitCode}}')" = 0 ] || fail "it did not stop by itself"
echo "all holds"
