#!/bin/sh
# Checks an unpacked bundle with programs that other people wrote: sha256sum (or shasum), openssl, ssh-keygen.
#
#   sh verify.sh BAG KEYS [RECORD]
#
# BAG     the unpacked folder (the one with bagit.txt in it)
# KEYS    a folder with what you were given before the period, by another way than the bundle:
#         allowed_signers, log.vkey, and tsa-root.pem if there is a time-stamp authority
# RECORD  number of the record to follow from its files to the signed root, 20 or as folders have it, 000000000020; the
#         first one with files if not given
#
# Exit code 0: nothing that was checked is wrong. 1: something is. 2: an argument is wrong or a program is missing, and
# nothing was checked. Read the lines `not checked`, too.
# Take this script from the release, not from the bundle that it is to check.
LC_ALL=C
export LC_ALL
umask 077
fail=0
open=0
# Nothing that a terminal would obey: names in a bundle are somebody else's.
plain() { printf %s "$1" | tr -c ' -~' '?'; }
good() { printf 'ok           %s\n' "$(plain "$1")"; }
bad() { printf 'REFUSED      %s\n' "$(plain "$1")"; fail=1; }
not() { printf 'not checked  %s\n' "$(plain "$1")"; open=1; }
stop() { printf 'verify.sh: %s\n' "$1" >&2; exit 2; }
refused() {
    echo 'REFUSED: this is not the bundle that was made, or not by whom you were told.'
    exit 1
}
# Whether it is a number as bundles write it. Asked of each before it is counted with: in $(( )) and in some shells also
# in [ -gt ], anything else is an expression, and x[$(COMMAND)] runs the command.
number() { case $1 in '' | *[!0-9]* | 0?* | ????????????????*) return 1 ;; esac; }
# Without leading zeros, which would make it octal.
short() { printf %s "$1" | sed 's/^0*\([0-9]\)/\1/'; }

[ $# -eq 2 ] || [ $# -eq 3 ] || stop 'usage: sh verify.sh BAG KEYS [RECORD]'
keys=$(cd "$2" 2>/dev/null && pwd) || stop "$2 is no folder"
cd "$1" 2>/dev/null || stop "$1 is no folder"
wanted=$(short "${3:-}")
[ -z "$wanted" ] || number "$wanted" || stop "$3 is no number of a record"
for need in allowed_signers log.vkey; do
    [ -f "$keys/$need" ] || stop "$2/$need is missing: you were given it before the period; the bundle's copy proves nothing"
done
for need in bagit.txt bag-info.txt manifest-sha256.txt tagmanifest-sha256.txt data/log/checkpoint; do
    [ -f "$need" ] && [ ! -L "$need" ] || { bad "$need is missing: this is no bundle"; refused; }
done
if command -v sha256sum >/dev/null 2>&1; then sums=sha256sum; else sums='shasum -a 256'; fi
for need in ${sums%% *} openssl ssh-keygen awk od; do
    command -v "$need" >/dev/null 2>&1 || stop "$need is not installed"
done
tmp=$(mktemp -d) || stop 'no temporary folder'
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM HUP
# ed25519 KEY SIGNATURE MESSAGE: files; the key with the head that openssl wants
ed25519() { openssl pkeyutl -verify -pubin -keyform DER -inkey "$1" -rawin -in "$3" -sigfile "$2" >/dev/null 2>&1; }
# RFC 8032, test 2: right for its message, and wrong for another. Whoever cannot do that blames no bundle.
echo MCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw= | openssl base64 -d -A >"$tmp/key"
echo kqAJqfDUyrhyDoILX2QlQKKye1QWUD+Ps3YiI+vbadoIWsHkPhWZbkWPNhPQ8R2MOHsurrQwKu6wDSkWErsMAA== |
    openssl base64 -d -A >"$tmp/raw"
printf r >"$tmp/body"
printf s >"$tmp/other"
ed25519 "$tmp/key" "$tmp/raw" "$tmp/body" && ! ed25519 "$tmp/key" "$tmp/raw" "$tmp/other" ||
    stop "$(openssl version) cannot check Ed25519 signatures: this needs OpenSSL 3; hint: on macOS brew install openssl@3, and put its folder bin first in PATH"

# 1. Every file is listed once, nothing else is here, and every file is what the lists say.
line='^[0-9a-f]\{64\}  [A-Za-z0-9._/-]*$'
strange=$(find . ! -type f ! -type d; find . -name '*[!A-Za-z0-9._-]*')
[ -z "$strange" ] || { bad "not a plain file, or a name that bundles do not have: $(printf %s "$strange" | head -n 1)"; refused; }
if grep -v -q "$line" manifest-sha256.txt tagmanifest-sha256.txt; then
    bad 'a manifest has a line that is not <sha256>  <path>'
elif cut -c67- manifest-sha256.txt | grep -v -q '^data/' || cut -c67- tagmanifest-sha256.txt | grep -q '^data/' ||
    cut -c67- manifest-sha256.txt tagmanifest-sha256.txt | grep -Eq '^[/-]|(^|/)\.\.?(/|$)|//'; then
    bad 'a manifest lists a path where it must not'
else
    { cut -c67- manifest-sha256.txt; cut -c67- tagmanifest-sha256.txt; echo tagmanifest-sha256.txt
      for seal in sig tsr tsr.sig; do
          [ ! -f "tagmanifest-sha256.txt.$seal" ] || echo "tagmanifest-sha256.txt.$seal"
      done; } | sort >"$tmp/listed"
    find . -type f | sed 's,^\./,,' | sort >"$tmp/found"
    twice=$(uniq -d "$tmp/listed" | head -n 1)
    [ -z "$twice" ] || bad "$twice is listed twice"
    other=$(comm -3 "$tmp/listed" "$tmp/found" | tr -d '\t' | head -n 1)
    [ -z "$other" ] || bad "$other is listed and missing, or here and not listed"
    for manifest in tagmanifest-sha256.txt manifest-sha256.txt; do
        if $sums -c "$manifest" >"$tmp/said" 2>/dev/null; then
            good "$manifest: $(wc -l <"$manifest" | tr -d ' ') files are what it says"
        else
            bad "$manifest: $(grep -v ': OK$' "$tmp/said" | head -n 1)"
        fi
    done
fi

# 2. The time-stamp. Its certificate must have been valid when it was made, not today.
# Of the token alone: the status around it has text that nobody signed, and that may say `Time stamp:`, too.
time_of() { openssl ts -reply -in "$1" -token_out -text 2>/dev/null | sed -n 's/^Time stamp: //p'; }
# "Nov  2 13:55:32.1 2026 GMT" as seconds since 1970, as YYYYMMDDHHMMSS, or as records have it.
as() {
    awk -v how="$1" '{ split($3, t, ":"); m = (index("JanFebMarAprMayJunJulAugSepOctNovDec", $1) + 2) / 3; y = $4; d = $2
        s = int(t[3]); split(t[3], part, ".")
        if (how == "digits") { printf "%04d%02d%02d%02d%02d%02d", y, m, d, t[1], t[2], s; exit }
        if (how == "record") { printf "%04d-%02d-%02dT%02d:%02d:%02d.%sZ", y, m, d, t[1], t[2], s, substr(part[2] "000", 1, 3); exit }
        if (m <= 2) { y--; m += 12 }
        printf "%d", (365 * y + int(y / 4) - int(y / 100) + int(y / 400) + int((153 * (m - 3) + 2) / 5) + d - 719469) * 86400 + t[1] * 3600 + t[2] * 60 + s }'
}
# stamp DATA TOKEN
stamp() {
    when=$(time_of "$2" | as seconds)
    [ -n "$when" ] && openssl ts -verify -data "$1" -in "$2" -CAfile "$keys/tsa-root.pem" -attime "$when" >/dev/null 2>&1
}
at=
if [ ! -f tagmanifest-sha256.txt.tsr ] && [ -f "$keys/tsa-root.pem" ]; then
    bad 'tagmanifest-sha256.txt.tsr is missing: with tsa-root.pem in KEYS a time-stamp is asked for, and anybody on the way can take it away'
elif [ ! -f tagmanifest-sha256.txt.tsr ]; then
    not 'when the bundle was made: it has no time-stamp'
elif [ ! -f "$keys/tsa-root.pem" ]; then
    not 'the time-stamp: there is no tsa-root.pem in KEYS'
elif stamp tagmanifest-sha256.txt tagmanifest-sha256.txt.tsr; then
    at=$(time_of tagmanifest-sha256.txt.tsr | as digits)
    good "time-stamped $(time_of tagmanifest-sha256.txt.tsr)"
else
    bad 'tagmanifest-sha256.txt.tsr is no time-stamp of this bundle by that authority'
fi

# 3. Who signed the bundle, and whether they might at that time.
newest=$(for record in data/records/*.json; do sed -n 's/^{"at":"\([0-9TZ:.-]*\)".*/\1/p' "$record"; echo; done | grep . | sort | tail -n 1)
if [ -z "$at" ]; then
    at=$(printf %s "${newest%%.*}" | tr -d ':T-')
    not "the time of the signature: taken as $newest, which the bundle claims for its newest record"
fi
name=$(sed -n '1s/+.*//p' "$keys/log.vkey")
host=${name%%/*}
who="evidence@$(printf %s "$host" | tr -c 'A-Za-z0-9._-' '-')"
signed() {
    TZ=UTC ssh-keygen -Y verify -f "$keys/allowed_signers" -I "$who" -n evidenced-bundle -O "verify-time=$at" \
        -s "$2" <"$1" >"$tmp/said" 2>&1
}
if [ ! -f tagmanifest-sha256.txt.sig ]; then
    bad 'tagmanifest-sha256.txt.sig is missing: every bundle is signed'
elif signed tagmanifest-sha256.txt tagmanifest-sha256.txt.sig; then
    good "signed by $who"
else
    bad "tagmanifest-sha256.txt.sig: not a signature by $who: $(tail -n 1 "$tmp/said")"
fi
if [ -f tagmanifest-sha256.txt.tsr ] || [ -f tagmanifest-sha256.txt.tsr.sig ]; then
    if [ -f tagmanifest-sha256.txt.tsr ] && [ -f tagmanifest-sha256.txt.tsr.sig ] &&
        signed tagmanifest-sha256.txt.tsr tagmanifest-sha256.txt.tsr.sig; then
        good "the time-stamp is the one that $who put here"
    else
        bad 'tagmanifest-sha256.txt.tsr.sig: not a signature over the time-stamp'
    fi
fi

# 4. The log's signature on the closing checkpoint, and on those that others were given.
# note FILE: by a key of log.vkey
note() {
    sed '/^$/,$d' "$1" >"$tmp/body"
    [ "$(wc -l <"$tmp/body" | tr -d ' ')" = 3 ] && [ "$(sed -n 1p "$tmp/body")" = "$name" ] || return 1
    sed '1,/^$/d' "$1" >"$tmp/lines"
    # Also the last line when it has no end.
    while IFS= read -r vkey || [ -n "$vkey" ]; do
        rest=${vkey#*+}
        { printf '\060\052\060\005\006\003\053\145\160\003\041\000'
          printf %s "${rest#*+}" | openssl base64 -d -A | tail -c 32; } >"$tmp/key"
        while read -r _ signer signature; do
            printf %s "$signature" | openssl base64 -d -A >"$tmp/signature"
            id=$(head -c 4 "$tmp/signature" | od -An -tx1 | tr -d ' \n')
            [ "$signer" = "${vkey%%+*}" ] && [ "$id" = "${rest%%+*}" ] || continue
            tail -c 64 "$tmp/signature" >"$tmp/raw"
            ed25519 "$tmp/key" "$tmp/raw" "$tmp/body" && return 0
        done <"$tmp/lines"
    done <"$keys/log.vkey"
    return 1
}
size=$(sed -n 2p data/log/checkpoint)
end=$(sed -n 's/^Evidenced-Log-Range: [0-9]* //p' bag-info.txt)
number "$size" && [ "$size" -gt 0 ] || { bad 'data/log/checkpoint: its second line is not how many records there are'; refused; }
number "$end" || { bad 'bag-info.txt does not say which records it has'; refused; }
if ! note data/log/checkpoint; then
    bad "data/log/checkpoint is not signed by a key of $name in log.vkey"
    [ ! -d data/log/keys ] || not 'whether a key of log.vkey vouches for one that came later: verify.py follows data/log/keys'
elif [ "$(sed -n 's/^Evidenced-Log-Size: //p' bag-info.txt)" != "$size" ]; then
    bad 'bag-info.txt names another size of the log than data/log/checkpoint'
else
    good "the log $name signed its first $size records"
    [ ! -d data/log/keys ] || not 'how the keys of the log followed one another: verify.py follows data/log/keys'
fi
# of PATTERN: numbers of the records that have it
of() { find data/records -name '*.json' -exec grep -l "$1" {} + | sed -n 's,^data/records/\([0-9]\{12\}\)\.json$,\1,p' | sort; }
for record in $(of '"role":"log"'); do
    [ -f "data/log/keys/$record.checkpoint" ] ||
        bad "data/log/keys/$record.checkpoint is missing: it shows who vouches for a key of the log, or that it was retired"
done
for record in $(of '"kind":"anchor"'); do
    folder=data/anchors/$record/
    if [ ! -f "${folder}note" ]; then
        # What others were given after the period need not be here.
        [ "$(short "$record")" -ge "$end" ] || bad "${folder}note is missing"
    elif ! note "${folder}note"; then
        bad "${folder}note is not signed by a key of $name"
    elif ! grep -q '"way":"rfc3161"' "data/records/$record.json"; then
        not "${folder}receipt: see verify.py and evidenced verify"
    elif [ ! -f "$keys/tsa-root.pem" ]; then
        not "${folder}receipt: there is no tsa-root.pem in KEYS"
    elif stamp "${folder}note" "${folder}receipt"; then
        grep -q "\"time\":\"$(time_of "${folder}receipt" | as record)\"" "data/records/$record.json" ||
            bad "data/records/$record.json names another time than its receipt"
        good "$(sed -n 2p "${folder}note") records were in the log at $(time_of "${folder}receipt")"
    else
        bad "${folder}receipt is no time-stamp of the note beside it"
    fi
done

# 5. A sample says so twice.
claimed=$(grep -c '^Evidenced-Sample: ' bag-info.txt)
sealed=$(grep -c '"sample":true' data/records/000000000000.json 2>/dev/null)
if [ "$claimed" != "$sealed" ]; then
    bad 'bag-info.txt says otherwise than data/records/000000000000.json whether this is a SAMPLE'
elif [ "$claimed" -ne 0 ]; then
    echo 'SAMPLE with a simulated clock: no evidence of anything.'
fi

# 6. One record: files, sums, commitment, leaf, path to the signed root.
[ -n "$wanted" ] || wanted=$(sed -n '2s/,.*//p' data/salts.csv)
follow() {
    number "$1" && [ "$1" -lt "$size" ] || return 1
    record=$(printf '%012d' "$1")
    [ -f "data/records/$record.json" ] && [ -f "data/proofs/$record.tlog-proof" ] || return 1
    salt=$(sed -n "s/^$1,//p" data/salts.csv)
    # The folder of its kind, and no other.
    kind=$(sed -n 's/.*"kind":"\([a-z_]*\)".*/\1/p' "data/records/$record.json")
    case $kind in
        evidence) folder=data/evidence/$record ;;
        sign_off) folder=data/signoffs/$record ;;
        *) folder=data/${kind}s/$record ;;
    esac
    here='to the signed root; none of its files are here'
    if [ -n "$salt" ]; then
        here='from its files to the signed root'
        (cd "$folder" 2>/dev/null && $sums -c SHA256SUMS >/dev/null 2>&1) || return 1
        sum=$($sums <"$folder/SHA256SUMS" | cut -c1-64)
        commit=$(printf 'evidenced/commit/v1\n%s\n%s\n' "$salt" "$sum" | $sums | cut -c1-64)
        grep -q "\"commit\":\"$commit\"" "data/records/$record.json" || return 1
    fi
    hash() { openssl dgst -sha256 -binary >"$tmp/next" && mv "$tmp/next" "$tmp/hash"; }
    { printf '\000'; cat "data/records/$record.json"; } | hash
    sed -e '1,2d' -e '/^$/,$d' "data/proofs/$record.tlog-proof" >"$tmp/path"
    place=$1
    last=$((size - 1))
    exec 3<"$tmp/path"
    while [ "$last" -gt 0 ]; do
        if [ $((place % 2)) -eq 1 ] || [ "$place" -lt "$last" ]; then
            read -r sibling <&3 || return 1
            printf %s "$sibling" | openssl base64 -d -A >"$tmp/sibling"
            if [ $((place % 2)) -eq 1 ]; then
                { printf '\001'; cat "$tmp/sibling" "$tmp/hash"; } | hash
            else
                { printf '\001'; cat "$tmp/hash" "$tmp/sibling"; } | hash
            fi
        fi
        place=$((place / 2))
        last=$((last / 2))
    done
    ! read -r sibling <&3 || return 1
    [ "$(openssl base64 -A <"$tmp/hash")" = "$(sed -n 3p data/log/checkpoint)" ]
}
if [ -z "$wanted" ]; then
    not 'one record from its files to the signed root: no record has files'
elif follow "$wanted"; then
    good "record $wanted: $here"
else
    bad "record $wanted does not lead from its files to the signed root"
fi

not 'that no record is missing or was counted away, that every other file is bound to its record, what was erased: verify.py and verify.html do'
not 'windows of time between time-stamped checkpoints: verify.py does'
not 'that tables and verdicts follow from the evidence, and no due run is unaccounted for: evidenced verify --reperform does'
[ "$fail" -eq 0 ] || refused
[ "$open" -eq 0 ] || echo 'Accepted as far as it was checked; the lines `not checked` say what was not.'
