-- The ledger's tables. Numbered, forward only, frozen: a test holds the checksum of every migration.
--
-- Authoritative are entry, checkpoint, file, salt and blob. Derived from entry, and made anew from it
-- when in doubt, are subtree and entry_key.

-- One leaf of the log per row. record is the exact bytes that were hashed.
CREATE TABLE entry (
    idx    INTEGER PRIMARY KEY CHECK (idx >= 0),
    record BLOB NOT NULL CHECK (length(record) BETWEEN 2 AND 65535),
    leaf   BLOB NOT NULL CHECK (length(leaf) = 32)
) STRICT;

-- One signed note per size: the primary key keeps the log from ever signing two roots for one size.
CREATE TABLE checkpoint (
    size INTEGER PRIMARY KEY CHECK (size > 0),
    note BLOB NOT NULL
) STRICT;

-- Files of a record, by name. A recorded erasure deletes from file, salt and blob, from nothing else.
CREATE TABLE file (
    idx        INTEGER NOT NULL REFERENCES entry (idx),
    part       INTEGER NOT NULL CHECK (part >= 0),
    name       TEXT NOT NULL,
    media_type TEXT NOT NULL,
    sha256     BLOB NOT NULL CHECK (length(sha256) = 32),
    size       INTEGER NOT NULL CHECK (size >= 0),
    PRIMARY KEY (idx, part),
    UNIQUE (idx, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE salt (
    idx  INTEGER PRIMARY KEY REFERENCES entry (idx),
    salt BLOB NOT NULL CHECK (length(salt) = 16)
) STRICT;

-- Contents, once each. size is that of the contents, not of the stored bytes. It keeps its rowid, which
-- reading in pieces needs.
CREATE TABLE blob (
    id     INTEGER PRIMARY KEY,
    sha256 BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
    codec  TEXT NOT NULL CHECK (codec IN ('none', 'zstd')),
    size   INTEGER NOT NULL CHECK (size >= 0),
    bytes  BLOB NOT NULL
) STRICT;

-- Roots of perfect subtrees of 256^level leaves: leaf n of the tlog-tiles tile level, complete ones only.
-- With them a root or a proof reads some hundred hashes, however long the log is.
CREATE TABLE subtree (
    level INTEGER NOT NULL CHECK (level > 0),
    n     INTEGER NOT NULL CHECK (n >= 0),
    hash  BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (level, n)
) STRICT, WITHOUT ROWID;

-- What records are looked up by. Times are milliseconds since 1970 in UTC.
CREATE TABLE entry_key (
    idx       INTEGER PRIMARY KEY REFERENCES entry (idx),
    at        INTEGER NOT NULL,
    kind      TEXT NOT NULL,
    collector TEXT,
    control   TEXT,
    run       TEXT,
    -- Of run_opened and missed only, so that the two indexes below see those alone.
    seq       INTEGER CHECK (seq > 0),
    slot      INTEGER
) STRICT;
CREATE INDEX entry_key_kind ON entry_key (kind, idx);
CREATE INDEX entry_key_collector ON entry_key (collector, kind, idx) WHERE collector IS NOT NULL;
CREATE INDEX entry_key_control ON entry_key (control, kind, idx) WHERE control IS NOT NULL;
CREATE INDEX entry_key_run ON entry_key (run, kind, idx) WHERE run IS NOT NULL;
-- No two runs of a collector have one number, and no due instant is answered twice.
CREATE UNIQUE INDEX entry_key_seq ON entry_key (collector, seq) WHERE seq IS NOT NULL;
CREATE UNIQUE INDEX entry_key_slot ON entry_key (collector, slot) WHERE slot IS NOT NULL;

-- A guard against accidents only: whoever can write the file can drop these, and INSERT OR REPLACE gets
-- past them. What protects the log is the tree, and a checkpoint that somebody else holds.
CREATE TRIGGER entry_keep_update BEFORE UPDATE ON entry
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER entry_keep_delete BEFORE DELETE ON entry
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER checkpoint_keep_update BEFORE UPDATE ON checkpoint
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER checkpoint_keep_delete BEFORE DELETE ON checkpoint
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
