-- core.db, schema 11: raw walks of devices that were asked for, and what came. A part is a JSON list of rows.

CREATE TABLE walk (
    id      TEXT PRIMARY KEY,
    agent   TEXT NOT NULL,
    asset   TEXT NOT NULL,
    actor   TEXT NOT NULL,
    created INTEGER NOT NULL,
    oid     TEXT NOT NULL,
    rows    INTEGER NOT NULL,
    heard   INTEGER,
    ended   INTEGER,
    ok      INTEGER,
    detail  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE walked (
    walk TEXT NOT NULL REFERENCES walk (id) ON DELETE CASCADE,
    part INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (walk, part)
) STRICT, WITHOUT ROWID;
