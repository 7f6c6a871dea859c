-- raw-YYYYMMDD.db, schema 1: the samples of one day. A journal row is one samples record as it came;
-- when its hour is over it becomes chunks, one a series, in one transaction.

CREATE TABLE journal (
    agent    TEXT NOT NULL,
    epoch    TEXT NOT NULL,
    seq      INTEGER NOT NULL,
    probe    TEXT NOT NULL,
    began    INTEGER NOT NULL,  -- start of the window, corrected by skew_ms
    ended    INTEGER NOT NULL,
    skew_ms  INTEGER NOT NULL,
    points   INTEGER NOT NULL,
    body     BLOB NOT NULL,     -- zstd(JSON) of the record
    PRIMARY KEY (agent, epoch, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX journal_time ON journal (began, probe);

CREATE TABLE series (
    id       INTEGER PRIMARY KEY,
    object   TEXT NOT NULL,
    instance TEXT NOT NULL,
    agent    TEXT NOT NULL,
    probe    TEXT NOT NULL,
    kind     TEXT NOT NULL,
    field    TEXT NOT NULL,
    UNIQUE (object, field, instance, agent, probe)
) STRICT;

CREATE TABLE chunk (
    series INTEGER NOT NULL,
    t0     INTEGER NOT NULL,
    part   INTEGER NOT NULL,  -- late samples make another part beside the first
    t1     INTEGER NOT NULL,
    n      INTEGER NOT NULL,
    body   BLOB NOT NULL,     -- columns: see chunk.rs
    PRIMARY KEY (series, t0, part)
) STRICT, WITHOUT ROWID;

-- Of the sample stream; the largest over all files counts.
CREATE TABLE watermark (
    agent TEXT NOT NULL,
    epoch TEXT NOT NULL,
    acked INTEGER NOT NULL,
    PRIMARY KEY (agent, epoch)
) STRICT, WITHOUT ROWID;
