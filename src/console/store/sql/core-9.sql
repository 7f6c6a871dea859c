-- core.db, schema 9: what each device said of itself last, as its agent packed it. `changed` is when something in it was
-- different from before, apart from what moves at every look; `fingerprint` tells that.

CREATE TABLE report (
    asset       TEXT PRIMARY KEY,
    probe       TEXT NOT NULL,
    agent       TEXT NOT NULL,
    at          INTEGER NOT NULL,
    changed     INTEGER NOT NULL,
    fingerprint INTEGER NOT NULL,
    body        BLOB NOT NULL
) STRICT;
