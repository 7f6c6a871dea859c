-- roll-YYYYMM.db, schema 1: what the samples of a month come to. A row is a block of windows of one series, packed
-- as chunks are: the twelve five minutes of an hour, the hours of a day, the days of the month.

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

CREATE TABLE roll (
    step   INTEGER NOT NULL,  -- seconds: 300, 3600, 86400
    series INTEGER NOT NULL,
    t0     INTEGER NOT NULL,  -- when its block begins: hour, day, month
    body   BLOB NOT NULL,
    PRIMARY KEY (step, series, t0)
) STRICT, WITHOUT ROWID;
