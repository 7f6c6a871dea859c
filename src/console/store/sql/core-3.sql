-- core.db, schema 3: sweeps of addresses and what they found. `asked` is JSON: ranges, names of secrets, ports.

CREATE TABLE discovery (
    id      TEXT PRIMARY KEY,
    agent   TEXT NOT NULL,
    actor   TEXT NOT NULL,
    created INTEGER NOT NULL,
    asked   TEXT NOT NULL,
    zone    TEXT NOT NULL,
    region  TEXT,
    looked  INTEGER NOT NULL,
    total   INTEGER NOT NULL,
    heard   INTEGER,
    ended   INTEGER,
    ok      INTEGER,
    detail  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE discovered (
    discovery TEXT NOT NULL REFERENCES discovery (id) ON DELETE CASCADE,
    address   TEXT NOT NULL,
    body      TEXT NOT NULL,
    PRIMARY KEY (discovery, address)
) STRICT, WITHOUT ROWID;
