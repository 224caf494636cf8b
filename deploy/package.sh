#!/bin/sh
# Makes target/package: the program with its completions, manual pages and tools for auditors, and of these a Debian and
# an RPM package.
#
#   deploy/package.sh [PROGRAM]      without one it is built by deploy/build.sh
#
# Needs cargo-deb and cargo-generate-rpm (cargo install --locked cargo-deb cargo-generate-rpm) and dpkg-shlibdeps
# (Debian's dpkg-dev). Times in the packages are SOURCE_DATE_EPOCH, or else the time of the commit.
set -eu
cd "$(dirname "$0")/.."
program=${1:-}
if [ $# = 0 ]; then program=$(deploy/build.sh); fi
for tool in cargo-deb cargo-generate-rpm; do
    command -v $tool >/dev/null || { echo "package: $tool is missing; hint: cargo install --locked $tool" >&2; exit 1; }
done
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH

out=target/package
rm -rf $out
mkdir -p $out/man
install -m 755 "$program" $out/evidenced
for shell in bash fish; do $out/evidenced completions $shell >$out/evidenced.$shell; done
$out/evidenced completions zsh >$out/_evidenced
$out/evidenced man $out/man
gzip -9n $out/man/*.1
$out/evidenced tools $out/auditor >/dev/null
# Where the units may write.
sed 's#^state_dir = .*#state_dir = "/var/lib/evidenced"#' config/evidenced.example.toml >$out/evidenced.toml

version=$($out/evidenced --version | cut -d' ' -f2)
maintainer=$(sed -n 's/^maintainer = "\(.*\)"$/\1/p' Cargo.toml)
cat >$out/changelog <<END
evidenced ($version-1) unstable; urgency=medium

  * What changed stands in CHANGELOG.md beside this file.

 -- $maintainer  $(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")
END

# The text itself is on every Debian.
echo ' The licence stands in /usr/share/common-licenses/Apache-2.0.' >$out/licence

cargo deb --no-build --no-strip --output $out/
cargo generate-rpm --output $out/
ls -l $out/*.deb $out/*.rpm
