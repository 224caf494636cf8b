#!/bin/sh
# Puts a restic that speaks JSON (0.18 or newer; Debian 12 has 0.14) at .beds/bin/restic under the
# project root. Takes the machine's own restic if it is new enough, otherwise the Debian package of
# a newer suite from the mirror that apt already uses, checked against Debian's archive keys.
# Installs nothing outside .beds; needs apt-get, dpkg-deb and an `apt-get update` that has been run.
set -eu

suite=trixie
root=$(cd "$(dirname "$0")/../.." && pwd)
bin=$root/.beds/bin
mkdir -p "$bin"

speaks_json() {
    version=$("$1" version 2>/dev/null | sed -n 's/^restic \([0-9][0-9]*\)\.\([0-9][0-9]*\).*/\1 \2/p')
    [ -n "$version" ] || return 1
    [ "${version% *}" -gt 0 ] || [ "${version#* }" -ge 18 ]
}

if [ -x "$bin/restic" ] && speaks_json "$bin/restic"; then
    exit 0
fi
own=$(command -v restic || true)
if [ -n "$own" ] && speaks_json "$own"; then
    ln -sf "$own" "$bin/restic"
    exit 0
fi

codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
# shellcheck disable=SC2016 # apt expands these, not the shell
mirror=$(apt-get indextargets --format '$(CREATED_BY) $(RELEASE) $(COMPONENT) $(REPO_URI)' |
    sed -n "s/^Packages $codename main //p" | head -n 1)
if [ -z "$mirror" ]; then
    echo "install-restic: apt knows no mirror for $codename main" >&2
    echo "hint: run apt-get update, or put a restic of 0.18 or newer at .beds/bin/restic" >&2
    exit 1
fi

# An apt of its own: other sources and lists, the machine's other settings (proxy) as they are.
apt=$root/.beds/apt
mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$apt/none"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$apt/sources.list"
: >"$apt/status"
apt_get() {
    apt-get -qq -o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts="$apt/none" \
        -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts="$apt/none" \
        -o Dir::State::Lists="$apt/lists" -o Dir::State::Status="$apt/status" \
        -o Dir::Cache="$apt" -o Dir::Cache::Archives="$apt/archives" -o APT::Sandbox::User=root "$@"
}
apt_get update
(cd "$apt/archives" && rm -f restic_*.deb && apt_get download restic)
dpkg-deb --extract "$apt"/archives/restic_*.deb "$apt/unpacked"
cp "$apt/unpacked/usr/bin/restic" "$bin/restic.new"
mv "$bin/restic.new" "$bin/restic"
rm -rf "$apt"
speaks_json "$bin/restic" || { echo "install-restic: $suite has a restic older than 0.18" >&2; exit 1; }
