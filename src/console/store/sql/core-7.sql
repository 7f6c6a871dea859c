-- core.db, schema 7: maintenance windows, and when facts changed. `objects` and `problems` are JSON lists; what ended or called off a window
-- stands in `ended`. `last` is when it can be open at the latest, for lists of what a span of time touches.

CREATE TABLE maintenance (
    id           TEXT PRIMARY KEY,
    title        TEXT NOT NULL,
    objects      TEXT NOT NULL,
    problems     TEXT NOT NULL,
    began        INTEGER NOT NULL,
    until        INTEGER NOT NULL,
    every        TEXT,
    repeats      INTEGER,
    last         INTEGER NOT NULL,
    created      INTEGER NOT NULL,
    creator      TEXT NOT NULL,
    needs_second INTEGER NOT NULL,
    approved     INTEGER,
    approver     TEXT,
    ended        INTEGER,
    ender        TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX maintenance_last ON maintenance (last);

-- What agents found out and when it became so: a path over the years, a version. Bounded a fact.
CREATE TABLE fact_change (
    object   TEXT NOT NULL,
    instance TEXT NOT NULL,
    probe    TEXT NOT NULL,
    field    TEXT NOT NULL,
    at       INTEGER NOT NULL,
    value    TEXT NOT NULL,
    agent    TEXT NOT NULL,
    PRIMARY KEY (object, field, instance, probe, at)
) STRICT, WITHOUT ROWID;
