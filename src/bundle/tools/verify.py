#!/usr/bin/env python3
"""Checks a bundle without the program that wrote it. Python 3.8 or newer, its standard library, and openssl.

  python3 -I verify.py BAG-OR-ZIP --vkey KEY|FILE [--allowed-signers FILE] [--tsa-root FILE]

KEY, allowed_signers and the root certificate are what you were given before the period, by another way than the
bundle. Exit code 0: nothing that was checked is wrong. 1: something is. Read the lines `not checked`, too.
Take this script from the release, not from the bundle that it is to check.
"""
import argparse, base64, calendar, csv, hashlib, io, json, os, re, subprocess, sys, tempfile, time, zipfile

TAG = "tagmanifest-sha256.txt"
SEALS = [TAG, TAG + ".sig", TAG + ".tsr", TAG + ".tsr.sig"]
N = r"\d{12}"
KNOWN = re.compile("|".join((  # every path that a bundle may have; the files of a record are checked by SHA256SUMS
    r"AUDITOR\.html|README\.txt|bag-info\.txt|bagit\.txt|(tag)?manifest-sha256\.txt|packed-sha256\.txt|verify\.(html|py|sh)",
    r"data/(index|alerts|calendar|controls|completeness|gaps|salts)\.csv|data/index\.(html|xlsx)|data/oscal/assessment-results\.json",
    r"data/controls/[^/]+/((causes|exposure|gaps|judgements|samples|signoffs|timeline|waivers)\.csv|summary\.md|index\.html)",
    r"data/log/(checkpoint|frontier\.txt|leafhashes\.txt|log\.vkey|keys/\d{12}\.checkpoint)|data/populations/%s(\.partial)?\.csv" % N,
    r"data/(records/%s\.json|proofs/%s\.tlog-proof)" % (N, N),
    r"data/(alerts|anchors|configs|evidence|exports|samples|signoffs|transitions|verdicts)/%s/.+" % N,
)))
problems, open_points = [], []


def sha(data):
    return hashlib.sha256(data).digest()


def need(fine, what):
    if not fine:
        problems.append(what)
    return fine


class Bag:
    """The files of a bundle by path inside its folder, from a ZIP or a folder; links and odd names are refused."""

    def __init__(self, where):
        self.zip, self.files, self.lower = None, {}, set()
        if os.path.isdir(where):
            for folder, dirs, names in os.walk(where):
                for name in names + [d for d in dirs if os.path.islink(os.path.join(folder, d))]:
                    full = os.path.join(folder, name)
                    self.add(os.path.relpath(full, where).replace(os.sep, "/"), full, not os.path.islink(full))
        else:
            self.zip = zipfile.ZipFile(where)
            tops = set()
            for info in self.zip.infolist():
                top, _, path = info.orig_filename.partition("/")
                tops.add(top)
                plain = info.external_attr >> 16 == 0o100644 and not info.flag_bits & ~0x800 and info.filename == info.orig_filename
                self.add(path, info, plain and info.file_size <= 1032 * info.compress_size)
            need(len(tops) == 1, "the archive has not exactly one folder")

    def add(self, path, where, plain):
        parts = path.split("/")
        named = all(re.fullmatch(r"[A-Za-z0-9._-]+", part) and part not in (".", "..") for part in parts)
        lower = path.lower()
        if need(named and plain, "%r: not a plain file with a plain name" % path):
            need(lower not in self.lower, "%s: is there twice" % path)
            self.files[path] = where
            self.lower.add(lower)

    def open(self, path):
        return self.zip.open(self.files[path]) if self.zip else open(self.files[path], "rb")

    def read(self, path):
        if path not in self.files:
            need(False, "%s: is missing" % path)
            return b""
        with self.open(path) as file:
            return file.read()

    def text(self, path):
        return self.read(path).decode("utf-8", "replace")

    def digest(self, path):
        hashed = hashlib.sha256()
        with self.open(path) as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                hashed.update(block)
        return hashed.hexdigest()


def lines_of(bag, path):
    """A manifest or SHA256SUMS as {path: sha256}; in order, none twice."""
    found, last = {}, ""
    for line in bag.text(path).splitlines(True):
        match = re.fullmatch(r"([0-9a-f]{64})  ([A-Za-z0-9._/-]+)\n", line)
        if not need(match and match[2] > last, "%s: a line is malformed, out of order or there twice: %r" % (path, line[:80])):
            return {}
        last = match[2]
        found[last] = match[1]
    return found


def manifests(bag):
    digests = {path: bag.digest(path) for path in bag.files}
    listed = {**lines_of(bag, TAG), **lines_of(bag, "manifest-sha256.txt")}
    for path, digest in digests.items():
        if path not in SEALS:
            need(listed.get(path) == digest, "%s: %s" % (path, "changed" if path in listed else "no manifest lists it"))
            need(KNOWN.fullmatch(path), "%s: is no file of a bundle" % path)
    for path in listed:
        need(path in digests, "%s: a manifest lists it, but it is missing" % path)
    if bag.zip and "packed-sha256.txt" in bag.files:
        packed = lines_of(bag, "packed-sha256.txt")
        raw = bag.zip.fp
        for path, info in bag.files.items():
            if path not in SEALS and path != "packed-sha256.txt":
                raw.seek(info.header_offset + 26)
                skip = sum(int.from_bytes(raw.read(2), "little") for _ in range(2))
                raw.seek(info.header_offset + 30 + skip)
                need(packed.pop(path, "") == hashlib.sha256(raw.read(info.compress_size)).hexdigest(), path + ": was packed anew")
        need(not packed, "packed-sha256.txt: lists what is not here")
    return digests


def openssl(args, **files):
    """Runs openssl with the contents as files; `{name}` in an argument is the path of one."""
    with tempfile.TemporaryDirectory() as folder:
        for name, data in files.items():
            with open(os.path.join(folder, name), "wb") as file:
                file.write(data)
        done = subprocess.run(["openssl"] + [a.format(**{n: os.path.join(folder, n) for n in files}) for a in args],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


def ed25519(public, signature, message):
    der = bytes.fromhex("302a300506032b6570032100") + public
    args = "pkeyutl -verify -pubin -keyform DER -inkey {key} -rawin -in {message} -sigfile {signature}".split()
    return openssl(args, key=der, message=message, signature=signature) is not None


def checkpoint(note, vkeys):
    """(origin, size, root) of a note that a key given has signed; None otherwise."""
    body, _, signatures = note.partition("\n\n")
    head = body.split("\n")
    for vkey in vkeys:
        name, key_id, key = vkey.split("+", 2)
        raw = base64.b64decode(key, validate=True)
        if raw[0] != 1 or len(raw) != 33 or sha(name.encode() + b"\n" + raw)[:4].hex() != key_id:
            sys.exit("verify.py: the key %s is not a log's Ed25519 key" % vkey)
        for line in signatures.splitlines():
            parts = line.split(" ")
            if len(parts) == 3 and parts[0] == "\u2014" and parts[1] == name == head[0] and len(head) == 3:
                signature = base64.b64decode(parts[2], validate=True)
                if signature[:4].hex() == key_id and ed25519(raw[1:], signature[4:], (body + "\n").encode()):
                    return head[0], int(head[1]), base64.b64decode(head[2], validate=True)
    return None


def named(bag, vkeys, note):
    """(keys that may sign the closing checkpoint, keys that ever could): those given, and those that they vouch for.

    A record that names or ends a key is the last under a checkpoint of its own, signed by the keys before it. The
    hashes to the left in its proof give that checkpoint's root, whatever came after."""
    signing, ever = list(vkeys), list(vkeys)
    for path in sorted(path for path in bag.files if path.startswith("data/log/keys/")):
        index, data = int(path[14:26]), bag.read("data/records/%s.json" % path[14:26])
        record, signed = json.loads(data.decode()), checkpoint(bag.text(path), signing)
        proof = bag.text("data/proofs/%s.tlog-proof" % path[14:26]).partition("\n\n")[0].split("\n")[2:]
        at, last, root, up = index, int(note.split("\n")[1]) - 1, sha(b"\0" + data), [base64.b64decode(h) for h in proof]
        while last > 0 and up:
            if at % 2 or at < last:
                root = node(up.pop(0), root) if at % 2 else (up.pop(0), root)[1]
            at, last = at // 2, last // 2
        fits = record["kind"] == "key" and record["role"] == "log" and (not signed or signed[1:] == (index + 1, root))
        if not need(fits, path + ": not the checkpoint of a record of a key of the log"):
            continue
        if record["change"] == "retired":
            signing = [key for key in signing if key != record["key"]]
        elif signed and record["key"] not in ever:
            signing, ever = signing + [record["key"]], ever + [record["key"]]
    return signing, ever


def sshsig(text, message):
    """The `ssh-ed25519` line of the key that signed the message for bundles; None: nobody did, or in another form."""
    blob = base64.b64decode("".join(text.splitlines()[1:-1]))
    string = lambda data: len(data).to_bytes(4, "big") + data
    public, signature, name = blob[33:65], blob[-64:], b"evidenced-bundle"
    key = string(b"ssh-ed25519") + string(public)
    whole = b"SSHSIG" + (1).to_bytes(4, "big") + string(key) + string(name) + string(b"") + string(b"sha512")
    encoded = base64.b64encode(whole + string(string(b"ssh-ed25519") + string(signature))).decode()
    body = "\n".join(encoded[i:i + 70] for i in range(0, len(encoded), 70))
    signed = b"SSHSIG" + string(name) + string(b"") + string(b"sha512") + string(hashlib.sha512(message).digest())
    good = text == "-----BEGIN SSH SIGNATURE-----\n%s\n-----END SSH SIGNATURE-----\n" % body and ed25519(public, signature, signed)
    return "ssh-ed25519 " + base64.b64encode(key).decode() if good else None


def stamp(token, data, root):
    """The time of an RFC 3161 response over the data, checked to the root as of that time; None when it is wrong."""
    said = openssl(["ts", "-reply", "-in", "{token}", "-text"], token=token) or ""
    found = re.search(r"^Time stamp: (\w+ +\d+ [\d:]+)(?:\.\d+)? (\d{4}) GMT$", said, re.M)
    if not found:
        return None
    at = calendar.timegm(time.strptime("%s %s" % found.groups(), "%b %d %H:%M:%S %Y"))
    args = ["ts", "-verify", "-data", "{data}", "-in", "{token}", "-CAfile", "{root}", "-attime", str(at)]
    return at if openssl(args, token=token, data=data, root=root) is not None else None


def seconds(text):
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))


def allowed(path, who, key, at):
    """Whether a line of allowed_signers lets `who` sign bundles by `key` at that time. Names are taken literally."""
    with open(path, encoding="utf-8") as file:
        for line in file:
            match = re.fullmatch(r'\s*"?([^\s"#]+)"?\s+(?:((?:[a-z-]+="[^"]*",?)+)\s+)?(ssh-ed25519 \S+).*', line.rstrip("\n"))
            if match and who in match[1].split(",") and match[3] == key:
                options = dict(re.findall(r'([a-z-]+)="([^"]*)"', match[2] or ""))
                day = lambda name: calendar.timegm(time.strptime(options[name].rstrip("Z").ljust(14, "0"), "%Y%m%d%H%M%S"))
                unknown = set(options) - {"namespaces", "valid-after", "valid-before"}
                fits = "evidenced-bundle" in options.get("namespaces", "evidenced-bundle").split(",") and not unknown
                if fits and ("valid-after" not in options or day("valid-after") <= at) and (
                        "valid-before" not in options or at <= day("valid-before")):
                    return True
    return False


def node(left, right):
    return sha(b"\1" + left + right)


def root_by_proof(index, size, leaf, path):
    last, path = size - 1, list(path)
    while last:
        if index % 2 or index < last:
            if not path:
                return None
            leaf = node(path.pop(0), leaf) if index % 2 else node(leaf, path.pop(0))
        index, last = index // 2, last // 2
    return None if path else leaf


def fold(bag, start, leaf_of, roots):
    """Appends every leaf hash to the tree before the range: hits each signed root, and each record has its place."""
    peaks = [bytes.fromhex(line) for line in bag.text("data/log/frontier.txt").split()]
    need(len(peaks) == bin(start).count("1"), "data/log/frontier.txt: not the tree of the first %d records" % start)
    size, passed = start, set()

    def meet():
        if size in roots and size:
            root = peaks[-1]
            for peak in reversed(peaks[:-1]):
                root = node(peak, root)
            passed.add(size)
            need(root == roots[size][0], "%s: the log's hashes do not lead to its root: a fork, or changed" % roots[size][1])
    meet()
    for line in bag.text("data/log/leafhashes.txt").splitlines():
        leaf = bytes.fromhex(line)
        need(leaf_of.get(size, leaf) == leaf, "data/records/%012d.json: is not what the log has at its place" % size)
        rest = size
        while rest & 1:
            leaf, rest = node(peaks.pop(), leaf), rest >> 1
        peaks.append(leaf)
        size += 1
        meet()
    return passed


def sequences(records, start, end, chosen):
    """No run or miss of a disclosed collector is missing, between one summary and the next."""
    last, counted = {}, 0
    for index in sorted(records):
        record = records[index]
        if record["kind"] in ("run_opened", "missed") and start <= index < end:
            name = record["collector"]
            need(name not in last or record["seq"] == last[name] + 1,
                 "data/records/%012d.json: number %s of %s after %s" % (index, record["seq"], name, last.get(name)))
            last[name] = record["seq"]
        elif record["kind"] == "summary" and (index < end or not chosen):
            for name, following in record["collectors"].items():
                if name in last or start <= index < end and not chosen:
                    counted += 1
                    need(last.setdefault(name, following - 1) == following - 1 or index >= end,
                         "data/records/%012d.json: the log counts %d runs of %s, the bundle has %s" % (index, following - 1, name, last[name]))
                elif index < start:
                    last[name] = following - 1
    return counted


def commitments(bag, digests, records, start, end):
    """Every file of a record is the one that the record was committed to; no other file lies in its folder."""
    salts = dict(line.split(",", 1) for line in bag.text("data/salts.csv").splitlines()[1:])
    spoken, count = set(), 0
    for index, salt in salts.items():
        record = records.get(int(index), {})
        folders = sorted({p.rsplit("/", 1)[0] for p in bag.files if p.endswith("/%012d/SHA256SUMS" % int(index))})
        if not need(len(folders) == 1 and "commit" in record, "data/salts.csv: record %s has no files here" % index):
            continue
        sums = folders[0] + "/SHA256SUMS"
        text = "evidenced/commit/v1\n%s\n%s\n" % (salt, digests[sums])
        need(sha(text.encode()).hex() == record["commit"], "%s: not what the record was committed to" % sums)
        for name, digest in lines_of(bag, sums).items():
            count += 1
            need(digests.get(folders[0] + "/" + name) == digest, "%s/%s: not what was sealed" % (folders[0], name))
            spoken.add(folders[0] + "/" + name)
        spoken.add(sums)
    for path in bag.files:
        if re.match(r"data/(alerts|anchors|configs|evidence|exports|samples|signoffs|transitions|verdicts)/", path):
            need(path in spoken, "%s: no record was committed to it" % path)
    erased = {r["target"] for r in records.values() if r["kind"] == "erasure"}
    named = {e for i, r in records.items() if r["kind"] == "verdict" and start <= i < end for e in r["evidence"]}
    for index, record in records.items():
        light = record["kind"] not in ("evidence", "verdict") and index < start
        due = start <= index < end or index in named or light
        gone = "commit" in record and due and str(index) not in salts and index not in erased
        need(not gone, "data/records/%012d.json: its files are missing, and no record says that they were erased" % index)
    return count, len(erased)


def samples(bag, records):
    """Every sample is what its seed draws from its population."""
    count = 0
    for index, record in sorted(records.items()):
        folder = "data/samples/%012d/" % index
        if record["kind"] != "sample" or folder + "sample.json" not in bag.files:
            continue
        said, data = json.loads(bag.text(folder + "sample.json")), bag.read(folder + "population.csv")
        rows = len(list(csv.reader(io.StringIO(data.decode("utf-8"), newline="")))) - 1
        key, left, drawn = sha(said["seed"].encode() + sha(data)), list(range(1, rows + 1)), []
        while left and len(drawn) < said["size"]:
            number = int.from_bytes(sha(key + len(drawn).to_bytes(8, "big")), "big")
            drawn.append(left.pop(number % len(left)))
        named = [record[key] for key in ("control", "seed", "size", "population_size")]
        need(named == [said["control"], said["seed"], said["size"], rows], folder + "sample.json: says otherwise than its record")
        need(said["population"]["sha256"] == sha(data).hex(), folder + "population.csv: is not the population that the sample names")
        need(drawn == [item["row"] for item in said["items"]], folder + "sample.json: is not what its seed draws from its population")
        count += 1
    return count


def anchors(bag, records, vkeys, root, sample):
    """Signed checkpoints that others hold, {size: (root, file)}; and the window of time that each gives."""
    held, stamped = {}, 0
    for index, record in sorted(records.items()):
        folder = "data/anchors/%012d/" % index
        if record["kind"] != "anchor" or folder + "note" not in bag.files:
            continue
        note, receipt = bag.text(folder + "note"), bag.read(folder + "receipt")
        signed = checkpoint(note, vkeys)
        if not need(signed and signed[1] == record["size"], "%snote: not signed by the log" % folder):
            continue
        need(held.setdefault(signed[1], (signed[2], folder))[0] == signed[2], "%snote: another root for %d records: a fork" % (folder, signed[1]))
        need(sha(receipt).hex() == record["receipt_sha256"], "%sreceipt: not what the record names" % folder)
        if record["way"] != "rfc3161":
            open_points.append("%sreceipt: a receipt of the way %s" % (folder, record["way"]))
        elif not root:
            open_points.append("%sreceipt: give --tsa-root" % folder)
        else:
            at = stamp(receipt, note.encode(), root)
            if need(at is not None, "%sreceipt: no time-stamp of the note by that authority" % folder) and not sample:
                stamped += 1
                for other, entry in records.items():
                    need(other >= record["size"] or seconds(entry["at"]) <= at + 300, "data/records/%012d.json: claims a time after it was stamped" % other)
                    need(other <= index or seconds(entry["at"]) >= at - 300, "data/records/%012d.json: claims a time before the log had got there" % other)
    return held, stamped


def envelope(bag, records, args, origin, root, sample):
    data, newest = bag.read(TAG), max(seconds(record["at"]) for record in records.values())
    at, when = newest, "no time-stamp"
    if SEALS[2] in bag.files or SEALS[3] in bag.files:
        token = bag.read(SEALS[2])
        need(sshsig(bag.text(SEALS[3]), token) == sshsig(bag.text(SEALS[1]), data), SEALS[3] + ": not a signature of the time-stamp")
        if root:
            at = stamp(token, data, root)
            if not need(at is not None, SEALS[2] + ": no time-stamp of this bundle by that authority"):
                return ""
            need(sample or at + 300 >= newest, SEALS[2] + ": older than the newest record")
            when = "time-stamped " + time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
        else:
            open_points.append("the time-stamp: give --tsa-root")
    elif root:
        need(False, SEALS[2] + ": missing; whoever gives --tsa-root asks for a time-stamp, and anybody on the way can take it away")
    else:
        open_points.append("when the bundle was made: it has no time-stamp")
    key = sshsig(bag.text(SEALS[1]), data)
    if not need(key, SEALS[1] + ": not a signature of the tag manifest for bundles"):
        return ""
    changes = [r["change"] for _, r in sorted(records.items()) if r["kind"] == "key" and r["role"] == "bundle" and r["key"] == key]
    need(changes[-1:] == ["added"], SEALS[1] + ": by a key that the log does not name as one of bundles")
    who = "evidence@" + re.sub(r"[^A-Za-z0-9._-]", "-", origin.split("/")[0])
    if args.allowed_signers:
        need(allowed(args.allowed_signers, who, key, at), "%s: not by a key that %s may use at that time" % (SEALS[1], who))
        return "signed by %s, %s" % (who, when)
    open_points.append("who signed the bundle: give --allowed-signers")
    return "signed by the key that its own log names, " + when


def check(args):
    vkeys = (open(args.vkey, encoding="utf-8").read() if os.path.exists(args.vkey) else args.vkey).split()
    root = open(args.tsa_root, "rb").read() if args.tsa_root else None
    bag = Bag(args.bundle)
    digests = manifests(bag)
    info = dict(line.split(": ", 1) for line in bag.text("bag-info.txt").splitlines())
    start, end = map(int, info["Evidenced-Log-Range"].split())
    sample, chosen = "Evidenced-Sample" in info, "Evidenced-Controls" in info
    note = bag.text("data/log/checkpoint")
    signing, vkeys = named(bag, vkeys, note)
    closing = checkpoint(note, signing)
    if not need(closing and closing[:2] == (info["Evidenced-Log-Origin"], int(info["Evidenced-Log-Size"])),
                "data/log/checkpoint: not signed by the log whose key you gave, or of another size than bag-info.txt says"):
        return []
    origin, size, top = closing
    records, leaf_of = {}, {}
    for path in sorted(bag.files):
        if path.startswith("data/records/"):
            index, data = int(path[13:25]), bag.read(path)
            records[index], leaf_of[index] = json.loads(data.decode()), sha(b"\0" + data)
            head, _, rest = bag.text("data/proofs/%012d.tlog-proof" % index).partition("\n\n")
            head = head.split("\n")
            good = head[:2] == ["c2sp.org/tlog-proof@v1", "index %d" % index] and rest == note
            path_up = [base64.b64decode(line, validate=True) for line in head[2:]]
            # One hash has one spelling: the last digit before `=` has bits that say nothing.
            good = good and [base64.b64encode(up).decode() for up in path_up] == head[2:]
            need(good and root_by_proof(index, size, leaf_of[index], path_up) == top, "%s: its proof does not lead to the signed root" % path)
    withheld = [index for index in range(start, end) if index not in records]
    need(chosen or not withheld, "data/records/%012d.json: missing, the first of %d" % ((withheld or [0])[0], len(withheld)))
    need({p[12:24] for p in bag.files if p.startswith("data/proofs/")} == {"%012d" % i for i in records}, "data/proofs: not one for each record")
    need(records.get(0, {}).get("kind") == "epoch" and records[0]["origin"] == origin, "data/records/%012d.json: not the beginning of this log" % 0)
    for index in records:
        need(index == 0 or records[index]["kind"] != "epoch", "data/records/%012d.json: a second beginning of the log" % index)
    for index, before in ((start - 1, True), (end, False)):
        if index in records and index >= 0:
            bound = info["Evidenced-Period-Start" if before else "Evidenced-Period-End"]
            need((records[index]["at"] < bound) == before, "data/records/%012d.json: lies in the period, and outside of the range" % index)
        else:
            need(chosen or not 0 <= index < size, "data/records/%012d.json: missing, and it shows where the range ends" % index)
    held, stamped = anchors(bag, records, vkeys, root, sample)
    held[size] = (top, "data/log/checkpoint")
    passed = fold(bag, start, leaf_of, held)
    need(size in passed, "data/log/leafhashes.txt: does not reach the closing checkpoint")
    open_points.extend("%snote: lies before the range" % held[s][1] for s in held if s < start)
    files, erased = commitments(bag, digests, records, start, end)
    counted = sequences(records, start, end, chosen)
    redrawn = samples(bag, records)
    signed = envelope(bag, records, args, origin, root, sample)
    open_points.append("that tables and verdicts follow from the evidence, and no due run is unaccounted for: evidenced verify --reperform")
    return [
        "manifests: %d files" % len(digests), "envelope: " + signed,
        "log: %s, %d records; %d disclosed, each with its proof; %d of the period withheld (hashes only)" % (origin, size, len(records), len(withheld)),
        "checkpoints: %d on the way from record %d, %d of them with a time-stamp that was checked" % (len(passed), start, stamped),
        "sequences: %d counts of summaries agree" % counted,
        "commitments: %d files; %d records erased by the book" % (files, erased),
        "samples: %d drawn again from their populations" % redrawn,
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("--vkey", required=True)
    parser.add_argument("--allowed-signers")
    parser.add_argument("--tsa-root")
    args = parser.parse_args()
    try:
        done = check(args)
    except (csv.Error, ValueError, KeyError, TypeError, IndexError, AttributeError, zipfile.BadZipFile, EOFError, NotImplementedError, OSError) as error:
        done = []
        problems.append("cannot be read as a bundle: %s: %s" % (type(error).__name__, error))
    for problem in problems[:50]:
        print("REFUSED      " + problem)
    if problems:
        print("REFUSED: %d things are wrong" % len(problems))
        return 1
    for line in done:
        print("ok           " + line)
    for point in open_points:
        print("not checked  " + point)
    return 0


if __name__ == "__main__":
    sys.exit(main())
