-- core.db, schema 10: graded protection. A masked text stands once, whoever has it; a snapshot is one state of a
-- configuration over the time in which nothing changed that matters. Results are the newest of each check; what they
-- were stands in `finding_change`. Waivers and answers are what people said.

CREATE TABLE config_text (
    sha256 TEXT PRIMARY KEY,
    body   BLOB NOT NULL
) STRICT;

CREATE TABLE snapshot (
    id       INTEGER PRIMARY KEY,
    asset    TEXT NOT NULL,
    part     TEXT NOT NULL,
    at       INTEGER NOT NULL,
    seen     INTEGER NOT NULL,
    sha256   TEXT NOT NULL,
    stable   TEXT NOT NULL,
    os       TEXT NOT NULL,
    version  TEXT NOT NULL,
    origin   TEXT NOT NULL,
    complete INTEGER NOT NULL,
    by_whom  TEXT NOT NULL,
    by_at    TEXT NOT NULL,
    hashes   TEXT NOT NULL
) STRICT;
CREATE INDEX snapshot_by_asset ON snapshot (asset, part, at);
CREATE INDEX snapshot_by_text ON snapshot (sha256);

CREATE TABLE inspected (
    asset    TEXT PRIMARY KEY,
    at       INTEGER NOT NULL,
    source   TEXT NOT NULL,
    origin   TEXT NOT NULL,
    os       TEXT NOT NULL,
    version  TEXT NOT NULL,
    profile  TEXT NOT NULL,
    policy   TEXT NOT NULL,
    sha256   TEXT NOT NULL,
    complete INTEGER NOT NULL
) STRICT;

CREATE TABLE finding (
    asset    TEXT NOT NULL,
    id       TEXT NOT NULL,
    item     TEXT NOT NULL,
    result   TEXT NOT NULL,
    severity TEXT NOT NULL,
    weight   INTEGER NOT NULL,
    major    INTEGER NOT NULL,
    block    TEXT NOT NULL,
    pin      TEXT NOT NULL,
    first    INTEGER NOT NULL,
    last     INTEGER NOT NULL,
    changed  INTEGER NOT NULL,
    known    TEXT NOT NULL,
    raised   INTEGER,
    body     TEXT NOT NULL,
    PRIMARY KEY (asset, id)
) STRICT;

CREATE TABLE finding_change (
    id      INTEGER PRIMARY KEY,
    asset   TEXT NOT NULL,
    finding TEXT NOT NULL,
    at      INTEGER NOT NULL,
    before  TEXT NOT NULL,
    after   TEXT NOT NULL,
    cause   TEXT NOT NULL,
    by_whom TEXT NOT NULL
) STRICT;
CREATE INDEX finding_change_by_asset ON finding_change (asset, at);
CREATE INDEX finding_change_by_time ON finding_change (at);

CREATE TABLE waiver (
    id           TEXT PRIMARY KEY,
    finding      TEXT NOT NULL,
    reach        TEXT NOT NULL,
    block        TEXT NOT NULL,
    reason       TEXT NOT NULL,
    compensating TEXT NOT NULL,
    ticket       TEXT NOT NULL,
    approver     TEXT NOT NULL,
    created      INTEGER NOT NULL,
    expires      INTEGER NOT NULL,
    pin          TEXT,
    revoked      INTEGER,
    revoked_by   TEXT
) STRICT;

CREATE TABLE answer (
    asset  TEXT NOT NULL,
    target TEXT NOT NULL,
    result TEXT NOT NULL,
    reason TEXT NOT NULL,
    by_whom TEXT NOT NULL,
    at     INTEGER NOT NULL,
    PRIMARY KEY (asset, target)
) STRICT;
