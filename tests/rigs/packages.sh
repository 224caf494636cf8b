#!/bin/sh
# The packages that deploy/package.sh made: what is in them, installed in a Debian of its own, upgraded with a changed
# configuration, and taken away again.
#
#   deploy/package.sh && tests/rigs/packages.sh     as root; needs lintian and rpm (Debian's packages) and .beds/debian,
#                                                   which tests/rigs/systemd.sh makes
#
# What it does not show: installing the RPM on Fedora; it is unpacked and compared. Ends with 0 when all holds.
set -eu
cd "$(dirname "$0")/../.."
for tool in dpkg-deb lintian rpm rpm2cpio cpio; do
    command -v $tool >/dev/null || { echo "rig: $tool is missing; hint: apt-get install lintian rpm rpm2cpio cpio" >&2; exit 1; }
done
deb=$(ls target/package/*.deb) rpm=$(ls target/package/*.rpm)
base=.beds/debian
[ -e $base/usr/bin/systemctl ] || { echo "rig: $base is missing; hint: tests/rigs/systemd.sh" >&2; exit 1; }
work=$(mktemp -d)
tree=$work/tree
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }
inside() { chroot "$tree" "$@"; }

lintian --fail-on error "$deb" || fail "lintian"

cp -a $base "$tree"
cp "$deb" "$tree/package.deb"
inside dpkg --install /package.deb >/dev/null || fail "it cannot be installed"
inside systemd-analyze verify --man=no evidenced.service evidenced-init.service || fail "the units"
[ "$(inside systemctl is-enabled evidenced 2>/dev/null)" = disabled ] || fail "installing enables it"
inside evidenced --version
inside evidenced --config /etc/evidenced/evidenced.toml config check 2>&1 >/dev/null | grep -q 'is good; .* /var/lib/evidenced$' ||
    fail "the example is no configuration for the units"
inside sh -c 'cd /usr/share/evidenced/auditor && ls' | tr '\n' ' ' | grep -qx 'AUDITOR.html verify.html verify.py verify.sh ' ||
    fail "the tools for auditors"
[ -x "$tree/usr/share/evidenced/restore-drill" ] || fail "restore-drill"
for page in evidenced evidenced-init evidenced-verify; do
    gzip -t "$tree/usr/share/man/man1/$page.1.gz" || fail "there is no manual page $page"
done
bash -n "$tree/usr/share/bash-completion/completions/evidenced" || fail "completions of bash"
inside dpkg --verify evidenced || fail "what is installed is not what is in the package"

# What the operator wrote stays, also when the package is installed again and taken away.
echo '# ours' >>"$tree/etc/evidenced/evidenced.toml"
inside dpkg --force-confdef --install /package.deb >/dev/null || fail "it cannot be installed again"
inside dpkg --remove evidenced >/dev/null || fail "it cannot be taken away"
tail -1 "$tree/etc/evidenced/evidenced.toml" | grep -qx '# ours' || fail "the configuration was not kept"
[ ! -e "$tree/usr/bin/evidenced" ] || fail "something is left"
inside dpkg --purge evidenced >/dev/null
[ ! -e "$tree/etc/evidenced/evidenced.toml" ] || fail "purging leaves the configuration"

# The RPM has the same files; only zsh looks elsewhere, and each system has its own papers.
dpkg-deb --fsys-tarfile "$deb" | tar -t | sed 's#^\./#/#' | grep -v '/$' >"$work/deb"
rpm -qp --nosignature --list "$rpm" 2>/dev/null >"$work/rpm"
same() { sed -e 's#zsh/vendor-completions#zsh/site-functions#' -e '/\/copyright$/d' -e '/changelog/Id' -e '/\/licenses\//d' "$1" | sort; }
same "$work/deb" >"$work/deb.same"
same "$work/rpm" >"$work/rpm.same"
diff "$work/deb.same" "$work/rpm.same" || fail "the two packages differ"
rpm -qp --nosignature --configfiles "$rpm" | grep -qx /etc/evidenced/evidenced.toml || fail "the RPM would overwrite the configuration"
mkdir "$work/unpacked"
rpm2cpio "$rpm" | (cd "$work/unpacked" && cpio -id --quiet)
cmp "$work/unpacked/usr/bin/evidenced" target/package/evidenced || fail "the RPM has another program"
echo "all holds: $(wc -l <"$work/deb") files"
