#!/bin/sh
# What deploy/build.sh has cargo call in place of the compiler: the same, and it forgets where the source lies. Not
# through RUSTFLAGS: cargo names crates by those, and what has other names is put into another order.
exec "$@" "--remap-path-prefix=$EVIDENCED_SOURCE=/evidenced" "--remap-path-prefix=$EVIDENCED_CARGO_HOME=/cargo"
