#!/bin/sh
# Builds the program so that the same source and the same compilers give the same bytes wherever the source lies: without
# paths and times of this machine in it. Says at the end where it is.
#
#   deploy/build.sh [PROFILE]      a profile of Cargo.toml; dist, if none is named
#
# tests/rigs/reproducible.sh builds in two places and compares.
set -eu
cd "$(dirname "$0")/.."
profile=${1:-dist}
here=$(pwd -P)
cargo_home=$(cd "${CARGO_HOME:-$HOME/.cargo}" && pwd -P)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
# Both compilers write paths into what they make: Rust into messages of panics, C where __FILE__ stands.
EVIDENCED_SOURCE=$here EVIDENCED_CARGO_HOME=$cargo_home RUSTC_WRAPPER=$here/deploy/rustc.sh
CFLAGS="-ffile-prefix-map=$here=/evidenced -ffile-prefix-map=$cargo_home=/cargo"
export EVIDENCED_SOURCE EVIDENCED_CARGO_HOME RUSTC_WRAPPER CFLAGS SOURCE_DATE_EPOCH
# Flags of whoever builds would make it another program; and one that is put elsewhere leaves an older one at this place.
unset CARGO_BUILD_TARGET
export CARGO_TARGET_DIR="$here/target"
export CARGO_ENCODED_RUSTFLAGS='' CARGO_INCREMENTAL=0 LC_ALL=C TZ=UTC
cargo build --profile "$profile" --locked --bin evidenced >&2
[ "$profile" != dev ] || profile=debug
echo "target/$profile/evidenced"
