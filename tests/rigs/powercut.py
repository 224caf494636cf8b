#!/usr/bin/env python3
"""Power cuts under a real ext4: what a ledger acknowledged is there in every image that a disk may leave.

    tests/rigs/powercut.py DRIVER [IMAGES] [SEED]      as root; DRIVER is the test binary of tests/integration

A block device of our own (an NBD server here, nbdfuse, a loop device) notes every write and flush. An image is everything
before the last flush and of every write after it any sectors of 512 bytes. The control is SQLite with synchronous=OFF in
the same rig: it must lose something. `rigs::crash` computes such images without root, from system calls.
"""
import os
import random
import shutil
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time

SIZE = 24 << 20
SECTOR = 512
TEST = ["--exact", "rigs::sealer::what_is_acknowledged_is_there_and_a_liar_is_found", "--nocapture"]


class Disk:
    """An NBD server of one disk that remembers what it was asked, in order."""

    def __init__(self, path):
        self.data, self.log = bytearray(SIZE), []
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(path)
        self.server.listen(1)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.server.accept()
            threading.Thread(target=self.session, args=(connection,), daemon=True).start()

    def session(self, connection):
        stream = connection.makefile("rwb")
        try:
            if self.agree(stream):
                self.answer(stream)
        except (EOFError, BrokenPipeError, ConnectionResetError, struct.error):
            pass

    @staticmethod
    def read(stream, form):
        return struct.unpack(form, stream.read(struct.calcsize(form)))

    def agree(self, stream):
        stream.write(b"NBDMAGICIHAVEOPT" + struct.pack(">H", 3))
        stream.flush()
        self.read(stream, ">I")
        while True:
            _, option, length = self.read(stream, ">QII")
            stream.read(length)
            answer = lambda kind, data=b"": stream.write(
                struct.pack(">QIII", 0x3E889045565A9, option, kind, len(data)) + data)
            if option == 1:
                stream.write(struct.pack(">QH", SIZE, 5))
            elif option in (6, 7):
                answer(3, struct.pack(">HQH", 0, SIZE, 5))
                answer(1)
            else:
                answer(1 if option == 2 else 0x80000001)
            stream.flush()
            if option in (1, 7):
                return True
            if option == 2:
                return False

    def answer(self, stream):
        while True:
            _, _, kind, cookie, at, length = self.read(stream, ">IHHQQI")
            if kind == 2:
                return
            head, data = struct.pack(">IIQ", 0x67446698, 0, cookie), b""
            if kind == 0:
                data = bytes(self.data[at:at + length])
            elif kind == 1:
                written = stream.read(length)
                self.data[at:at + length] = written
                self.log.append((at, written))
            elif kind == 3:
                self.log.append(None)
            stream.write(head + data)
            stream.flush()


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def record(work, before, command):
    """The disk before `command` runs over `before` on it, what was asked of it, and its acknowledgements: (line, length
    of the log when it was heard, so that all it rests on lies before)."""
    sock, mount = f"{work}/sock", f"{work}/mount"
    disk = Disk(sock)
    os.mkdir(f"{work}/fuse")
    os.mkdir(mount)
    fuse = subprocess.Popen(["nbdfuse", f"{work}/fuse/disk", "--unix", sock])
    loop, mounted = None, False
    try:
        # Until it is mounted: there is nothing to wait on.
        for _ in range(1_000):
            if os.path.exists(f"{work}/fuse/disk"):
                break
            time.sleep(0.01)
        loop = run("losetup", "-f", "--show", f"{work}/fuse/disk")
        run("mkfs.ext4", "-q", "-m", "0", loop)
        run("mount", loop, mount)
        mounted = True
        shutil.copytree(before, f"{mount}/state")
        os.chmod(f"{mount}/state", 0o700)
        run("sync", "-f", mount)
        base, start = bytes(disk.data), len(disk.log)
        child = subprocess.Popen(command(f"{mount}/state"), stdout=subprocess.PIPE, text=True)
        acks = [(line, len(disk.log) - start) for line in child.stdout if line.startswith("acknowledged ")]
        if child.wait() != 0:
            sys.exit(f"powercut: the writer ended with {child.returncode}")
        return base, disk.log[start:], acks
    finally:
        if mounted:
            run("umount", mount)
        if loop:
            run("losetup", "-d", loop)
        run("fusermount", "-u", f"{work}/fuse") if shutil.which("fusermount") else run("umount", f"{work}/fuse")
        fuse.wait()
        for path in (f"{work}/fuse", mount):
            os.rmdir(path)
        os.unlink(sock)


def images(work, recorded, count, chance, check):
    """Numbers of images that were checked, and of those in which something acknowledged was missing."""
    base, log, acks = recorded
    instants = sorted(chance.randrange(len(log) + 1) for _ in range(count))
    durable, flushed, bad = bytearray(base), 0, 0
    for instant in instants:
        flush = max((at for at in range(flushed, instant) if log[at] is None), default=None)
        if flush is not None:
            for write in log[flushed:flush]:
                if write:
                    durable[write[0]:write[0] + len(write[1])] = write[1]
            flushed = flush + 1
        image, share = bytearray(durable), chance.choice((0, 0.1, 0.5, 0.9, 1))
        for write in log[flushed:instant]:
            at, data = write or (0, b"")
            for sector in range(0, len(data), SECTOR):
                if chance.random() < share:
                    image[at + sector:at + sector + SECTOR] = data[sector:sector + SECTOR]
        with open(f"{work}/image", "wb") as file:
            file.write(image)
        os.mkdir(f"{work}/mount")
        mounted = subprocess.run(["mount", "-o", "loop", f"{work}/image", f"{work}/mount"], capture_output=True, text=True)
        if mounted.returncode != 0:
            # Of a disk that is not there any more nothing is.
            print(f"powercut: an image cannot be mounted: {mounted.stderr.strip()}", file=sys.stderr)
            bad += 1
            os.rmdir(f"{work}/mount")
            continue
        try:
            bad += not check(f"{work}/mount/state", [line for line, heard in acks if heard <= instant])
        finally:
            run("umount", f"{work}/mount")
            os.rmdir(f"{work}/mount")
    return bad


def control(state):
    """A writer that does not sync, as a program of its own."""
    script = """if True:
        import sqlite3, sys
        db = sqlite3.connect(sys.argv[1] + "/control.sqlite", isolation_level=None)
        db.execute("PRAGMA journal_mode = WAL"); db.execute("PRAGMA synchronous = OFF")
        db.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, b BLOB)")
        for n in range(2000):
            db.execute("INSERT INTO t VALUES (?, zeroblob(500))", (n,)); print("acknowledged", n, n, flush=True)
            if n % 100 == 0:
                import os; os.sync()"""
    return [sys.executable, "-c", script, state]


def control_holds(state, acks):
    db = sqlite3.connect(f"{state}/control.sqlite")
    try:
        found = {n for (n,) in db.execute("SELECT n FROM t")}
    except sqlite3.Error:
        return not acks
    finally:
        db.close()
    return all(int(line.split()[1]) in found for line in acks)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    driver, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 100
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 20261126
    for tool in ("nbdfuse", "losetup", "mkfs.ext4", "mount"):
        if not shutil.which(tool):
            sys.exit(f"powercut: {tool} is missing\nhint: apt-get install nbdfuse fuse3 e2fsprogs mount")
    if os.getuid() != 0:
        sys.exit("powercut: it mounts file systems\nhint: run it as root")
    chance = random.Random(seed)
    environment = lambda **more: [f"{name}={value}" for name, value in more.items()]
    driven = lambda **more: ["env", *environment(**more), driver, *TEST]

    def holds(state, acks):
        said = subprocess.run(driven(EVIDENCED_RIG_CHECK=state), input="".join(acks), capture_output=True, text=True)
        if said.returncode != 0 or "lost 0\n" not in said.stdout:
            print(said.stdout, said.stderr, file=sys.stderr)
            return False
        return True

    with tempfile.TemporaryDirectory() as work:
        run("mkdir", "-m", "700", f"{work}/before")
        run(*driven(EVIDENCED_RIG_MAKE=f"{work}/before"))
        seals = lambda state: driven(EVIDENCED_RIG_SEAL=state, EVIDENCED_RIG_UNITS=200)
        recorded = record(work, f"{work}/before", seals)
        bad = images(work, recorded, count, chance, holds)
        flushes = sum(1 for entry in recorded[1] if entry is None)
        print(f"powercut: seed {seed}, {count} images of {len(recorded[1]) - flushes} writes and {flushes} flushes, "
              f"{len(recorded[2])} acknowledged, images with something lost or not sound {bad}")
        os.mkdir(f"{work}/empty")
        recorded = record(work, f"{work}/empty", control)
        lost = images(work, recorded, max(10, count // 10), chance, control_holds)
        print(f"powercut: the control, synchronous=OFF: {lost} of {max(10, count // 10)} images with something lost")
    if bad or not lost:
        sys.exit("powercut: FAILED" if bad else "powercut: FAILED, the control lost nothing: this rig finds nothing")


if __name__ == "__main__":
    main()
