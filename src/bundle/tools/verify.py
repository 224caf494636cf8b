#!/usr/bin/env python3
"""Checks a bundle without the program that wrote it. Python 3.8 or newer, its standard library, and openssl.

  python3 -I verify.py BAG-OR-ZIP --vkey KEY|FILE [--allowed-signers FILE] [--tsa-root FILE]

KEY, allowed_signers and the root certificate are what you were given before the period, by another way than the
bundle. Exit code 0: nothing that was checked is wrong. 1: something is. 2: an argument is wrong, and nothing was
checked. Read the lines `not checked`, too.
Take this script from the release, not from the bundle that it is to check.
"""
import argparse, base64, bisect, calendar, csv, hashlib, io, itertools, json, os, re, shutil, struct, subprocess, sys, tempfile, time, zipfile

TAG = "tagmanifest-sha256.txt"
SEALS = [TAG, TAG + ".sig", TAG + ".tsr", TAG + ".tsr.sig"]
# What stands last in an archive, and is not packed.
CLOSING = SEALS + ["packed-sha256.txt"]
# The folder with the files of each kind of record; of the kinds after them, a record may also have none.
FOLDERS = {
    "alert": "alerts", "anchor": "anchors", "config": "configs", "evidence": "evidence", "sample": "samples", "sign_off": "signoffs",
    "verdict": "verdicts", "export": "exports", "transition": "transitions", "waiver": "waivers",
}
MAY_HAVE_NONE = ("export", "transition", "waiver")
KINDS = set(FOLDERS) | {"cause", "delivery", "epoch", "erasure", "key", "missed", "revocation", "run_closed", "run_opened", "summary"}
ERASABLE = ("alert", "evidence", "sample", "sign_off", "transition", "verdict", "waiver")
N = r"\d{12}"
KNOWN = re.compile("|".join((  # every path that a bundle may have; the files of a record are checked by SHA256SUMS
    r"AUDITOR\.html|README\.txt|bag-info\.txt|bagit\.txt|(tag)?manifest-sha256\.txt|packed-sha256\.txt|verify\.(html|py|sh)",
    r"data/(index|alerts|calendar|controls|completeness|gaps|salts)\.csv|data/index\.(html|xlsx)|data/oscal/assessment-results\.json",
    r"data/controls/[^/]+/((causes|exposure|gaps|judgements|samples|signoffs|timeline|waivers)\.csv|summary\.md|index\.html)",
    r"data/log/(checkpoint|frontier\.txt|leafhashes\.txt|log\.vkey|keys/\d{12}\.checkpoint)|data/populations/%s(\.partial)?\.csv" % N,
    r"data/(records/%s\.json|proofs/%s\.tlog-proof)" % (N, N),
    r"data/(%s)/%s/.+" % ("|".join(FOLDERS.values()), N),
)))
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
NUMBER = r"(?:0|[1-9]\d*)"
INFO = re.compile(  # bag-info.txt has one form
    r"Source-Organization: (?P<organization>.*)\nExternal-Description: SOC 2 evidence, collected and sealed by evidenced\nEvidenced-Format: 1\n"
    r"Evidenced-Period-Start: (?P<since>%s)\nEvidenced-Period-End: (?P<until>%s)\nEvidenced-Log-Origin: (?P<origin>.*)\n"
    r"Evidenced-Log-Size: (?P<size>%s)\nEvidenced-Log-Range: (?P<start>%s) (?P<end>%s)\n"
    r"(Evidenced-Controls: (?P<controls>.+)\n)?(?P<sample>Evidenced-Sample: SAMPLE WITH A SIMULATED CLOCK\n)?" % (TIME, TIME, NUMBER, NUMBER, NUMBER), re.ASCII)
# The most bytes that are read at once of any file, of a sample, of a note, a proof or a receipt, and of a record.
FILE_MAX, SAMPLE_MAX, NOTE_MAX, RECORD_MAX = 256 << 20, 16 << 20, 1 << 20, 65535
# A key and a signature of the letter r.
PROBE = [bytes.fromhex(digits) for digits in (
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")]
problems, open_points = [], []


def sha(data):
    return hashlib.sha256(data).digest()


def need(fine, what):
    if not fine:
        problems.append(what)
    return fine


class Refused(Exception):
    """Something is wrong, and nothing after it can be checked."""


def hashed(file, size):
    digest = hashlib.sha256()
    while size > 0:
        block = file.read(min(size, 1 << 20))
        if not block:
            break
        digest.update(block)
        size -= len(block)
    return digest.hexdigest()


class Bag:
    """The files of a bundle by path inside its folder, from a ZIP or a folder; links and odd names are refused."""

    def __init__(self, where):
        self.zip, self.files, self.lower = None, {}, set()
        if os.path.isdir(where):
            for folder, dirs, names in os.walk(where):
                for name in names + [d for d in dirs if os.path.islink(os.path.join(folder, d))]:
                    full = os.path.join(folder, name)
                    self.add(os.path.relpath(full, where).replace(os.sep, "/"), full, os.path.isfile(full) and not os.path.islink(full))
        else:
            self.zip = zipfile.ZipFile(where)
            tops = set()
            for info in self.zip.infolist():
                top, _, path = info.orig_filename.partition("/")
                tops.add(top)
                self.add(path, info, info.file_size <= min(1032 * info.compress_size, 2 << 30))
            need(len(tops) == 1 and all(map(self.named, tops)), "the archive has not exactly one folder, with a plain name")
            self.outline()

    def outline(self):
        """The archive is the files one after the other, the directory, the end record, and no byte besides: else another
        program could unpack other files. Each header has one form, and no file is read before all have it."""
        raw, at, central, infos = self.zip.fp, 0, bytearray(), self.zip.infolist()
        tail, start, count = len(infos) > 0xffff, self.zip.start_dir, len(infos)
        for info in infos:
            name, method = info.orig_filename.encode("utf-8", "replace"), 0 if info.orig_filename.partition("/")[2] in CLOSING else 8
            both = struct.pack("<BBHHHHLLLHH", 20 if method else 10, 0, 0, method, 0, 0x21, info.CRC, info.compress_size, info.file_size, len(name), 0)
            raw.seek(at)
            if raw.read(30 + len(name)) != b"PK\3\4" + both + name:
                raise Refused("%s: the archive has no such header at its place" % info.orig_filename)
            central += struct.pack("<4sBB", b"PK\1\2", both[0], 3) + both + struct.pack("<HHHLL", 0, 0, 0, 0o100644 << 16, at) + name
            at += 30 + len(name) + info.compress_size
        end = struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, *[min(count, 0xffff)] * 2, 0xffffffff if tail else len(central), start, 0)
        if tail:
            end = struct.pack("<4sQHHLLQQQQ", b"PK\6\6", 44, 20, 20, 0, 0, count, count, len(central), start) + \
                struct.pack("<4sLQL", b"PK\6\7", 0, start + len(central), 1) + end
        raw.seek(at)
        if at != start or raw.read(len(central) + len(end) + 1) != central + end:
            raise Refused("the archive: its directory is not that of its files, or there are bytes that belong to no file")

    @staticmethod
    def named(part):
        return re.fullmatch(r"[A-Za-z0-9._-]+", part) and part not in (".", "..")

    def add(self, path, where, plain):
        named = all(map(self.named, path.split("/")))
        lower = path.lower()
        if need(named and plain, "%r: not a plain file with a plain name" % path):
            need(lower not in self.lower, "%s: is there twice" % path)
            self.files[path] = where
            self.lower.add(lower)

    def open(self, path):
        return self.zip.open(self.files[path]) if self.zip else open(self.files[path], "rb")

    def read(self, path, most=FILE_MAX):
        if path not in self.files:
            need(False, "%s: is missing" % path)
            return b""
        with self.open(path) as file:
            data = file.read(most + 1)
        if len(data) > most:
            raise Refused("%s: is larger than %d bytes" % (path, most))
        return data

    def text(self, path, most=NOTE_MAX):
        return self.read(path, most).decode("utf-8", "replace")

    def lines(self, path, form):
        """The lines as matches of their one form; of a large file no more than one is held."""
        if need(path in self.files, "%s: is missing" % path):
            with self.open(path) as file:
                for line in iter(lambda: file.readline(512), b""):
                    match = re.fullmatch(form + r"\n", line.decode("ascii", "replace"), re.ASCII)
                    if not match:
                        raise Refused("%s: a line is malformed: %r" % (path, line[:80]))
                    yield match

    def digest(self, path):
        with self.open(path) as file:
            return hashed(file, 1 << 62)


def lines_of(bag, path):
    """A manifest or SHA256SUMS as {path: sha256}; in order, none twice."""
    found, last = {}, ""
    for match in bag.lines(path, r"([0-9a-f]{64})  ([A-Za-z0-9._/-]+)"):
        if match[2] <= last or len(found) > len(bag.files):
            raise Refused("%s: a line is out of order or there twice, or there are too many: %r" % (path, match[2]))
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
                need(packed.pop(path, "") == hashed(raw, info.compress_size), path + ": was packed anew")
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


def key_of(line):
    """(name, id, Ed25519 key, line) of a key of a log; ValueError: it is none."""
    match = re.fullmatch(r"([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})", line)
    raw = base64.b64decode(match[3]) if match else b""
    if raw[:1] != b"\1" or sha(match[1].encode() + b"\n" + raw)[:4].hex() != match[2]:
        raise ValueError("%r is not the key of a log" % line[:80])
    return match[1], match[2], raw[1:], line


def signs(term, size):
    """Whether the key signs a log of that many records: a record holds from the next checkpoint on."""
    _, added, retired = term
    return (added is None or added + 1 < size) and (retired is None or size <= retired + 1)


def checkpoint(note, terms):
    """(origin, size, root) of a note that every key has signed that signs at its size, and no other of the log's; else None."""
    body, _, signatures = note.partition("\n\n")
    head = body.split("\n")
    if len(head) != 3:
        return None
    lines = [parts for parts in (line.split(" ") for line in signatures.splitlines()) if len(parts) == 3 and parts[0] == "\u2014"]
    for term in terms:
        name, key_id, key, _ = term[0]
        own = [base64.b64decode(parts[2], validate=True) for parts in lines if parts[1] == name]
        own = [signature[4:] for signature in own if signature[:4].hex() == key_id]
        good = all(ed25519(key, signature, (body + "\n").encode()) for signature in own[:2])
        if name != head[0] or len(own) != signs(term, int(head[1])) or not good:
            return None
    return head[0], int(head[1]), base64.b64decode(head[2], validate=True)


def record_path(index):
    return "data/records/%012d.json" % index


def record_of(index, data):
    """A record from its bytes, which are the one way to write it."""
    try:
        record = json.loads(data.decode())
        again = json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
        fine = again == data and record["v"] == 1 and re.fullmatch(TIME, record["at"], re.ASCII) and record["kind"] in KINDS
    except (ValueError, KeyError, TypeError, RecursionError):
        fine = False
    if not fine:
        raise Refused(record_path(index) + ": is not a record in the one form that there is")
    return record


def named(bag, keys, note):
    """(the log's keys, each with the records that name and end it; those of them that were given or vouched for by one).

    Which is the first key the bundle says. A record that names or ends a key is the last under a checkpoint of its own,
    signed by the keys before it. The hashes to the left in its proof give that checkpoint's root, whatever came after."""
    lines = bag.text("data/log/log.vkey").splitlines()
    terms, trusted = [[key_of(lines[0]), None, None]], {key[3] for key in keys}
    for path in sorted(path for path in bag.files if path.startswith("data/log/keys/")):
        index = int(path[14:26])
        data = bag.read(record_path(index), RECORD_MAX)
        record = record_of(index, data)
        signed = checkpoint(bag.text(path), terms)
        proof = bag.text("data/proofs/%012d.tlog-proof" % index).partition("\n\n")[0].split("\n")[2:]
        at, last, root, up = index, int(note.split("\n")[1]) - 1, sha(b"\0" + data), [base64.b64decode(h) for h in proof]
        while last > 0 and up:
            if at % 2 or at < last:
                root = node(up.pop(0), root) if at % 2 else (up.pop(0), root)[1]
            at, last = at // 2, last // 2
        fits = record["kind"] == "key" and record["role"] == "log" and signed and signed[1:] == (index + 1, root)
        if not need(fits, path + ": not the checkpoint of a record of a key of the log, signed by the keys before it"):
            continue
        for term in terms:
            if term[0][3] == record["key"] and record["change"] == "retired":
                term[2] = index
        if record["change"] == "added":
            if any(signs(term, index + 1) and term[0][3] in trusted for term in terms):
                trusted.add(record["key"])
            terms.append([key_of(record["key"]), index, None])
    need(lines == [term[0][3] for term in terms], "data/log/log.vkey: its lines after the first are not the keys that the log's records name")
    return terms, trusted


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


def time_of(token):
    """The time that an RFC 3161 response states, as seconds and as records have it; None when it states none.

    Of the token alone: the status around it has text that nobody signed, and that may say `Time stamp:`, too."""
    said = openssl(["ts", "-reply", "-in", "{token}", "-token_out", "-text"], token=token) or ""
    found = re.findall(r"^Time stamp: (\w+ +\d+ [\d:]+)(?:\.(\d+))? (\d{4}) GMT$", said, re.M | re.ASCII)
    if len(found) != 1:
        return None
    clock, fraction, year = found[0]
    at = calendar.timegm(time.strptime("%s %s" % (clock, year), "%b %d %H:%M:%S %Y"))
    return at, time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(at)) + fraction.ljust(3, "0")[:3] + "Z"


def stamp(token, data, root):
    """The time of an RFC 3161 response over the data, checked to the root as of that time; None when it is wrong."""
    at, _ = time_of(token) or (None, None)
    args = ["ts", "-verify", "-data", "{data}", "-in", "{token}", "-CAfile", "{root}", "-attime", str(at)]
    return at if at is not None and openssl(args, token=token, data=data, root=root) is not None else None


def seconds(text):
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))


def day(text):
    return calendar.timegm(time.strptime(text.rstrip("Z").ljust(14, "0"), "%Y%m%d%H%M%S"))


def signers_of(text):
    """Lines of allowed_signers as (names, key, from, until), those for bundles. Names are taken literally: a line with a
    pattern, or a name that it takes back, lets nobody sign."""
    signers = []
    for line in text.splitlines():
        match = re.fullmatch(r'\s*"?([^\s"#]+)"?\s+(?:((?:[a-z-]+="[^"]*",?)+)\s+)?(ssh-ed25519 \S+).*', line)
        options = dict(re.findall(r'([a-z-]+)="([^"]*)"', match[2] or "")) if match else {}
        unknown = set(options) - {"namespaces", "valid-after", "valid-before"}
        if match and not unknown and not set("!*?") & set(match[1]) and "evidenced-bundle" in options.get("namespaces", "evidenced-bundle").split(","):
            since, until = day(options.get("valid-after", "19700101")), day(options.get("valid-before", "99991231"))
            signers.append((match[1].split(","), match[3], since, until))
    return signers


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


def fold(bag, start, end, leaf_of, roots):
    """Appends every leaf hash to the tree before the range: hits each signed root, and each record has its place."""
    peaks = [bytes.fromhex(line[1]) for _, line in zip(range(65), bag.lines("data/log/frontier.txt", "([0-9a-f]{64})"))]
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
    for line in bag.lines("data/log/leafhashes.txt", "([0-9a-f]{64})"):
        leaf = bytes.fromhex(line[1])
        need(leaf_of.get(size, leaf) == leaf, record_path(size) + ": is not what the log has at its place")
        rest = size
        while rest & 1:
            leaf, rest = node(peaks.pop(), leaf), rest >> 1
        peaks.append(leaf)
        size += 1
        meet()
    need(size == end, "data/log/leafhashes.txt: does not end with the closing checkpoint")
    return passed


def owner(record):
    """Whom a record belongs to, as summaries count: (controls, name), (collectors, name), or the log itself by kind."""
    by = record["about"] if record["kind"] == "alert" and isinstance(record["about"], dict) else record
    if "control" in by:
        return "controls", by["control"]
    return ("collectors", by["collector"]) if "collector" in by else ("kinds", record["kind"])


def counted(records, facts):
    """Runs and misses have numbers without holes, and what lies between one summary and the next is as many records as
    the second says: of everything, or of the controls of a selection and of the collectors that fed them. A selection
    is counted from the last summary before its range to the end of the log. What a run brought is for the controls that
    it fed by the configuration that it began under, and has a verdict of each before the run ends."""
    of_kind = lambda kind: [index for index in sorted(records) if records[index]["kind"] == kind]
    summaries, configs = of_kind("summary"), [index for index in of_kind("config") if index < facts.end]
    need(summaries[-1:] == [facts.size - 1], "data/log/checkpoint: the last record under it is no summary that is here")
    names = {"next": None, "collectors": None, "controls": None, "kinds": None}
    begin, until, opening = facts.start if facts.start > 1 else 0, facts.end + 1, []
    if facts.controls:
        opening = [index for index in summaries if index < facts.start][-1:]
        begin, until = sum(opening), facts.size
        before = [index for index in configs if index < facts.start]
        maps = [records[index]["controls"] for index in before[-1:] + configs[len(before):]]
        names["controls"] = facts.controls
        names["next"] = names["collectors"] = {one for map in maps for control in facts.controls & set(map) for one in map[control]}
        for control in facts.controls.difference(*maps):
            need(False, "bag-info.txt: no configuration of the period knows the control %s" % control)
    earlier = max((index for index in configs if index < facts.start), default=None)
    for index in [index for index in summaries if index >= facts.start and not facts.controls]:
        stated = records[index]["counts"].get("config")
        fits = stated == earlier or stated is not None and stated >= facts.start
        need(fits, record_path(index) + ": names another configuration before the range than the newest that is here")
    seen = dict({part: {} for part in names}, config=None) if begin == 0 else None
    config, last, count, begun, under, unjudged = None, {}, 0, False, {}, {}
    for index in sorted(index for index in records if index < until):
        record, path = records[index], record_path(index)
        kind, (part, name) = record["kind"], owner(record)
        if not begun and index >= facts.start:
            begun = True
            need(not facts.controls or not seen or seen["config"] == config, path + ": another configuration is in force than the newest that is here")
        inside = facts.start <= index < facts.end
        if kind == "config":
            config = index
        if kind == "run_opened":
            under[record["run"]] = config
        if kind == "evidence" and inside:
            began = under.get(record["run"])
            if need(began is not None, path + ": of a run whose configuration is not here"):
                fed = [control for control, of in sorted(records[began]["controls"].items()) if name in of]
                need(record["controls"] == fed, "%s: for other controls than its run fed by %s" % (path, record_path(began)))
                unjudged[record["run"]] = set(fed) & (facts.controls or set(fed))
        if kind == "verdict":
            unjudged.get(record["occasion"].get("run"), set()).discard(name)
        if kind == "run_closed" and inside and record["end"] not in ("aborted", "interrupted"):
            for control in sorted(unjudged.get(record["run"], ())):
                need(False, "%s: ends a run whose evidence is for %s, without a verdict of it" % (path, control))
        if kind in ("run_opened", "missed") and inside:
            need(record["seq"] == last.get(name, record["seq"] - 1) + 1, "%s: number %s of %s after %s" % (path, record["seq"], name, last.get(name)))
            last[name] = record["seq"]
        if index < begin:
            continue
        need(part == "kinds" or names[part] is None or name in names[part], path + ": belongs to none of the controls that the bundle is limited to")
        if kind == "summary":
            stated = dict(record["counts"], next=record["collectors"])
            if seen:
                count += 1
                need(seen["config"] == stated.get("config"), path + ": names another configuration than the newest that is here")
                for what, of in names.items():
                    for one in sorted(one for one in set(seen[what]) | set(stated[what]) if of is None or one in of):
                        here, there = seen[what].get(one, 0), stated[what].get(one, 0)
                        need(here == there, "%s: counts %s of %s %s, the bundle has %s" % (path, there, what, one, here))
            seen = dict({what: dict(stated[what]) for what in names}, config=stated.get("config"))
        if seen:
            seen[part][name] = seen[part].get(name, 0) + 1
            if kind == "config":
                seen["config"] = index
            if kind in ("run_opened", "missed"):
                seen["next"][name] = record["seq"] + 1
    return count


def instant(text):
    """Times with and without fractions of a second, so that they compare."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    return whole + "." + fraction.ljust(9, "0")


def about(record, facts):
    """Whether a record after the range is about its period: a cause, a sign-off or a sample may come later."""
    if record["kind"] == "cause":
        return facts.start <= record["drift"] < facts.end
    if record["kind"] == "sample":
        drawn = record["period"]
        return instant(facts.since) <= instant(drawn["start"]) and instant(drawn["end"]) <= instant(facts.until)
    if record["kind"] != "sign_off":
        return False
    # A year, a quarter or a month.
    match = re.fullmatch(r"(\d{4})(?:-Q([1-4])|-(\d\d))?", record["quarter"], re.ASCII)
    first = int(match[1]) * 12 + (int(match[2]) * 3 - 3 if match[2] else int(match[3] or 1) - 1)
    begins, ends = ("%04d-%02d-01T00:00:00.000Z" % (month // 12, month % 12 + 1) for month in (first, first + (3 if match[2] else 1 if match[3] else 12)))
    return begins < facts.until and facts.since < ends


def placed(records, facts):
    """({record: folder} of all whose files must be here, records that were erased)."""
    inside, here, erased = range(facts.start, facts.end), {}, set()
    verdicts = [index for index in sorted(records) if records[index]["kind"] == "verdict"]
    before = set({records[index]["control"]: index for index in verdicts if index < facts.start}.values())
    needed = {evidence for index in verdicts if index in inside for evidence in records[index]["evidence"]}
    for index in needed:
        need(records.get(index, {}).get("kind") == "evidence", record_path(index) + ": named by a verdict as evidence, and is none that is here")
    for index, record in records.items():
        if record["kind"] == "erasure":
            target = record["target"]
            erased.add(target)
            of = records.get(target, {"kind": "evidence"})["kind"]
            need(target < index and of in ERASABLE, "%s: erases record %s, which is not before it or is never erased" % (record_path(index), target))
    for index, record in sorted(records.items()):
        kind = record["kind"]
        light = index < facts.start and kind not in ("evidence", "verdict")
        due = index in inside or light or index in before or index in needed or index >= facts.end and about(record, facts)
        if due and index not in erased:
            need("commit" in record or kind not in FOLDERS or kind in MAY_HAVE_NONE, record_path(index) + ": is committed to no files, which such a record must be")
            if "commit" in record and need(kind in FOLDERS, record_path(index) + ": has files, which such records do not"):
                here[index] = "data/%s/%012d/" % (FOLDERS[kind], index)
    return here, erased


def commitments(bag, digests, records, here):
    """Every file of a record is the one that the record was committed to, in the folder of its kind; no other is there."""
    salts, spoken, count = {}, set(), 0
    for number, row in enumerate(bag.lines("data/salts.csv", r"(?:record,salt|(%s),([0-9a-f]{32}))" % NUMBER)):
        index = int(row[1] or -1)
        if (number == 0) != (index < 0) or index in salts or number > len(bag.files):
            raise Refused("data/salts.csv: has another head, a record twice, or too many")
        if number:
            salts[index] = row[2]
    for index, folder in list(here.items()):
        sums = folder + "SHA256SUMS"
        if not need(index in salts and sums in digests, record_path(index) + ": its files are missing, and no record says that they were erased"):
            del here[index]
            continue
        text = "evidenced/commit/v1\n%s\n%s\n" % (salts[index], digests[sums])
        need(sha(text.encode()).hex() == records[index]["commit"], "%s: not what the record was committed to" % sums)
        spoken.add(sums)
        for name, digest in lines_of(bag, sums).items():
            count += 1
            need(digests.get(folder + name) == digest, "%s: not what was sealed" % (folder + name))
            spoken.add(folder + name)
    need(set(salts) <= set(here), "data/salts.csv: record %s has no files here" % min(set(salts) - set(here), default=""))
    for path in bag.files:
        if path.split("/")[1:2] and path.split("/")[1] in FOLDERS.values():
            need(path in spoken, "%s: no record was committed to it" % path)
    return count


def samples(bag, records, here):
    """Every sample is what its seed draws from its population."""
    drawn_again = [index for index in here if records[index]["kind"] == "sample"]
    for index in drawn_again:
        record, folder = records[index], here[index]
        said, data = json.loads(bag.text(folder + "sample.json", SAMPLE_MAX)), bag.read(folder + "population.csv")
        rows = sum(1 for _ in csv.reader(io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline=""))) - 1
        named = [record[key] for key in ("control", "seed", "size", "population_size")]
        if not need(named == [said["control"], said["seed"], said["size"], rows], folder + "sample.json: says otherwise than its record"):
            continue
        if not need(said["population"]["sha256"] == sha(data).hex(), folder + "population.csv: is not the population that the sample names"):
            continue
        key, drawn, taken = sha(said["seed"].encode() + sha(data)), [], []
        while len(drawn) < min(said["size"], rows, len(said["items"])):
            number = int.from_bytes(sha(key + len(drawn).to_bytes(8, "big")), "big")
            row = number % (rows - len(drawn)) + 1
            for other in taken:  # the row of that number among those that are left
                row += other <= row
            bisect.insort(taken, row)
            drawn.append(row)
        fits = len(said["items"]) == min(said["size"], rows) and drawn == [item["row"] for item in said["items"]]
        need(fits, folder + "sample.json: is not what its seed draws from its population")
    return len(drawn_again)


def anchors(bag, records, here, terms, root, sample):
    """Signed checkpoints that others hold, {size: (root, file)}; and the window of time that each gives."""
    held, stamped = {}, 0
    order = sorted(records)
    times = [seconds(records[index]["at"]) for index in order]
    # The latest time up to each record, and the earliest from each one on.
    latest = list(itertools.accumulate(times, max))
    earliest = list(itertools.accumulate(reversed(times), min))[::-1]
    for index in [index for index in here if records[index]["kind"] == "anchor"]:
        record, folder = records[index], here[index]
        note, receipt = bag.text(folder + "note"), bag.read(folder + "receipt", NOTE_MAX)
        signed = checkpoint(note, terms)
        if not need(signed and signed[1] == record["size"] <= index, "%snote: not signed by the log" % folder):
            continue
        need(held.setdefault(signed[1], (signed[2], folder))[0] == signed[2], "%snote: another root for %d records: a fork" % (folder, signed[1]))
        need(sha(note.encode()).hex() == record["note_sha256"], "%snote: not what the record names" % folder)
        need(sha(receipt).hex() == record["receipt_sha256"], "%sreceipt: not what the record names" % folder)
        stated = time_of(receipt) if record["way"] == "rfc3161" else None
        need(record["way"] != "rfc3161" or stated and stated[1] == record.get("time"), record_path(index) + ": names another time than its receipt")
        if record["way"] != "rfc3161":
            open_points.append("%sreceipt: a receipt of the way %s" % (folder, record["way"]))
        elif not root:
            open_points.append("%sreceipt: give --tsa-root" % folder)
        else:
            at = stamp(receipt, note.encode(), root)
            if need(at is not None, "%sreceipt: no time-stamp of the note by that authority" % folder) and not sample:
                stamped += 1
                before, after = bisect.bisect_left(order, record["size"]), bisect.bisect_right(order, index)
                if before and latest[before - 1] > at + 300:
                    need(False, record_path(order[times.index(latest[before - 1])]) + ": claims a time after it was stamped")
                if after < len(order) and earliest[after] < at - 300:
                    need(False, record_path(order[times.index(earliest[after], after)]) + ": claims a time before the log had got there")
    return held, stamped


def envelope(bag, records, signers, origin, root, sample):
    data, newest = bag.read(TAG), max(seconds(record["at"]) for record in records.values())
    at, when = newest, "no time-stamp"
    if SEALS[2] in bag.files or SEALS[3] in bag.files:
        token = bag.read(SEALS[2], NOTE_MAX)
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
    if signers is not None:
        fits = any(who in names and line == key and since <= at <= until for names, line, since, until in signers)
        need(fits, "%s: not by a key that %s may use at that time" % (SEALS[1], who))
        return "signed by %s, %s" % (who, when)
    open_points.append("who signed the bundle: give --allowed-signers")
    return "signed by the key that its own log names, " + when


def facts_of(bag):
    """What the bundle says of itself."""
    match = INFO.fullmatch(bag.text("bag-info.txt"))
    if not match:
        raise Refused("bag-info.txt: is not in the one form that there is")
    facts = argparse.Namespace(**match.groupdict())
    facts.start, facts.end, facts.size = int(facts.start), int(facts.end), int(facts.size)
    facts.controls = set(facts.controls.split(" ")) if facts.controls else None
    if not facts.start < facts.end <= facts.size or not facts.since < facts.until:
        raise Refused("bag-info.txt: period or range of records is impossible")
    return facts


def disclosed(bag, note, size, top):
    """The records and their hashes, each with a proof that leads to the signed root."""
    records, leaf_of = {}, {}
    for path in sorted(path for path in bag.files if path.startswith("data/records/")):
        index, data = int(path[13:25]), bag.read(path, RECORD_MAX)
        leaf_of[index] = sha(b"\0" + data)
        head, _, rest = bag.text("data/proofs/%012d.tlog-proof" % index).partition("\n\n")
        head = head.split("\n")
        good = head[:2] == ["c2sp.org/tlog-proof@v1", "index %d" % index] and rest == note and index < size
        path_up = [base64.b64decode(line, validate=True) for line in head[2:]]
        # One hash has one spelling: the last digit before `=` has bits that say nothing.
        good = good and [base64.b64encode(up).decode() for up in path_up] == head[2:]
        if not good or root_by_proof(index, size, leaf_of[index], path_up) != top:
            raise Refused("%s: its proof does not lead to the signed root" % path)
        records[index] = record_of(index, data)
    need({p[12:24] for p in bag.files if p.startswith("data/proofs/")} == {"%012d" % i for i in records}, "data/proofs: not one for each record")
    return records, leaf_of


def bounds(bag, records, facts):
    """The log begins as it must, and the range is what there is of the period. How many records of it are withheld."""
    first = records.get(0, {})
    need(first.get("kind") == "epoch" and first["origin"] == facts.origin, record_path(0) + ": not the beginning of this log")
    need(first.get("organization") == facts.organization, "bag-info.txt: is of another organisation than " + record_path(0))
    need(bool(facts.sample) == bool(first.get("sample")), "bag-info.txt: says otherwise than %s whether this is a SAMPLE" % record_path(0))
    for index, record in records.items():
        need(index == 0 or record["kind"] != "epoch", record_path(index) + ": a second beginning of the log")
        if record["kind"] == "key" and record["role"] == "log":
            path = "data/log/keys/%012d.checkpoint" % index
            need(path in bag.files, path + ": is missing, and shows who vouches for a key of the log, or that it was retired")
    withheld = facts.end - facts.start - sum(facts.start <= index < facts.end for index in records)
    if withheld and not facts.controls:
        gap = next(index for index in range(facts.start, facts.end) if index not in records)
        need(False, "%s: missing, the first of %d" % (record_path(gap), withheld))
    # Times may go back between the two, where a clock was set.
    for edge, fits in ((facts.start, lambda at: at >= facts.since), (facts.end - 1, lambda at: at < facts.until)):
        fits = edge in records and fits(records[edge]["at"])
        need(fits, record_path(edge) + ": begins or ends the range, and is missing or not of the period")
    for index in (facts.start - 1, facts.end):
        need(facts.controls or not 0 <= index < facts.size or index in records, record_path(index) + ": missing, and it shows where the range ends")
    for index, record in records.items():
        outside = record["at"] < facts.since if index < facts.start else index < facts.end or record["at"] >= facts.until
        beside = facts.controls or index in (facts.start - 1, facts.end)
        need(outside or not beside, record_path(index) + ": lies in the period, and outside of the range")
    return withheld


def check(bundle, keys, signers, root):
    bag = Bag(bundle)
    digests = manifests(bag)
    facts = facts_of(bag)
    note = bag.text("data/log/checkpoint")
    terms, trusted = named(bag, keys, note)
    closing = checkpoint(note, terms)
    leads = closing and any(signs(term, closing[1]) and term[0][3] in trusted for term in terms)
    if not need(leads and closing[:2] == (facts.origin, facts.size),
                "data/log/checkpoint: not signed by all keys of the log whose key you gave, or of another size than bag-info.txt says"):
        return []
    origin, size, top = closing
    records, leaf_of = disclosed(bag, note, size, top)
    withheld = bounds(bag, records, facts)
    sample = records[0].get("sample") is True
    here, erased = placed(records, facts)
    files = commitments(bag, digests, records, here)
    held, stamped = anchors(bag, records, here, terms, root, sample)
    held[size] = (top, "data/log/checkpoint")
    passed = fold(bag, facts.start, size, leaf_of, held)
    open_points.extend("%snote: lies before the range" % held[s][1] for s in held if s < facts.start)
    summaries = counted(records, facts)
    redrawn = samples(bag, records, here)
    signed = envelope(bag, records, signers, origin, root, sample)
    open_points.append("that tables and verdicts follow from the evidence, and no due run is unaccounted for: evidenced verify --reperform")
    return ["SAMPLE with a simulated clock: no evidence of anything."] * sample + ["ok           " + line for line in (
        "manifests: %d files" % len(digests), "envelope: " + signed,
        "log: %s, %d records; %d disclosed, each with its proof; %d of the period withheld (hashes only)" % (origin, size, len(records), withheld),
        "checkpoints: %d on the way from record %d, %d of them with a time-stamp that was checked" % (len(passed), facts.start, stamped),
        "completeness: %d summaries were compared with what lies between them, and all of it is here" % summaries,
        "commitments: %d files; %d records erased by the book" % (files, len(erased)),
        "samples: %d drawn again from their populations" % redrawn,
    )]


def given(args):
    """What was given, read before the bundle is, so that nothing wrong with it is blamed on the bundle."""
    what, hint = args.bundle, "give the ZIP file, or the folder that it was unpacked to"
    try:
        if not os.path.isdir(args.bundle):
            open(args.bundle, "rb").close()
        what, hint = "openssl", "install OpenSSL 3 and put it first in PATH: signatures and time-stamps are checked with it"
        if not shutil.which("openssl"):
            raise ValueError("is not installed")
        # RFC 8032, test 2: right for its message, and wrong for another.
        if not ed25519(*PROBE, b"r") or ed25519(*PROBE, b"s"):
            raise ValueError("cannot check Ed25519 signatures: this needs OpenSSL 3")
        what, hint = "--vkey " + args.vkey, "give the file log.vkey, or its line: name+id+base64"
        if os.path.exists(args.vkey):
            with open(args.vkey, encoding="utf-8") as file:
                keys = [key_of(line) for line in file.read(NOTE_MAX).split()]
        else:
            keys = [key_of(args.vkey)]
        if not keys:
            raise ValueError("has no key in it")
        signers = root = None
        if args.allowed_signers:
            what, hint = "--allowed-signers " + args.allowed_signers, "give the file with the last line that `evidenced init` printed"
            with open(args.allowed_signers, encoding="utf-8") as file:
                signers = signers_of(file.read(NOTE_MAX))
            if not signers:
                raise ValueError("has no line that lets anybody sign bundles")
        if args.tsa_root:
            what, hint = "--tsa-root " + args.tsa_root, "give the root certificate of the time-stamp authority, PEM"
            with open(args.tsa_root, "rb") as file:
                root = file.read(NOTE_MAX)
            if openssl(["x509", "-noout", "-in", "{root}"], root=root) is None:
                raise ValueError("is no certificate")
    except (OSError, ValueError) as error:
        print("verify.py: %s: %s\nhint: %s" % (what, getattr(error, "strerror", None) or error, hint), file=sys.stderr)
        sys.exit(2)
    return keys, signers, root


def plain(text):
    """Nothing that a terminal would obey: names in a bundle are somebody else's."""
    return "".join(c if " " <= c <= "~" else ascii(c)[1:-1] for c in text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("--vkey", required=True)
    parser.add_argument("--allowed-signers")
    parser.add_argument("--tsa-root")
    args = parser.parse_args()
    keys, signers, root = given(args)
    try:
        done = check(args.bundle, keys, signers, root)
    except Refused as error:
        problems.append(str(error))
    except Exception as error:  # whatever a bundle does to who reads it, it is not accepted
        problems.append("cannot be read as a bundle: %s: %s" % (type(error).__name__, error))
    for problem in problems[:50]:
        print("REFUSED      " + plain(problem))
    if problems:
        print("REFUSED: %d things are wrong" % len(problems))
        return 1
    for line in done:
        print(plain(line))
    for point in open_points:
        print("not checked  " + plain(point))
    return 0


if __name__ == "__main__":
    sys.exit(main())
