-- core.db, schema 2: people, their passwords (argon2id, never clear), sessions and links by hash, saved views.

-- `scope`: NULL is everything, else a JSON list of regions. `locked_until` comes from failed sign-ins.
CREATE TABLE user (
    name         TEXT PRIMARY KEY,
    display      TEXT NOT NULL,
    role         TEXT NOT NULL,
    scope        TEXT,
    created      INTEGER NOT NULL,
    creator      TEXT NOT NULL,
    locked       INTEGER NOT NULL,
    locked_until INTEGER,
    must_change  INTEGER NOT NULL,
    signed_in    INTEGER
) STRICT, WITHOUT ROWID;

-- The newest `n` is the password in force, the others may not come back.
CREATE TABLE user_password (
    user TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE,
    n    INTEGER NOT NULL,
    at   INTEGER NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (user, n)
) STRICT, WITHOUT ROWID;

-- Since the last success; of users that are there only.
CREATE TABLE sign_in_failure (
    user TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE,
    at   INTEGER NOT NULL,
    peer TEXT NOT NULL
) STRICT;
CREATE INDEX sign_in_failure_user ON sign_in_failure (user, at);

CREATE TABLE session (
    hash    TEXT PRIMARY KEY,
    id      TEXT NOT NULL UNIQUE,
    actor   TEXT NOT NULL,
    role    TEXT NOT NULL,
    scope   TEXT,
    display TEXT NOT NULL,
    created INTEGER NOT NULL,
    seen    INTEGER NOT NULL,
    peer    TEXT NOT NULL,
    agent   TEXT NOT NULL,
    way     TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX session_actor ON session (actor, created);

CREATE TABLE one_time_link (
    hash    TEXT PRIMARY KEY,
    actor   TEXT NOT NULL,
    role    TEXT NOT NULL,
    scope   TEXT,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    used    INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE saved_view (
    owner   TEXT NOT NULL,
    page    TEXT NOT NULL,
    name    TEXT NOT NULL,
    query   TEXT NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (owner, page, name)
) STRICT, WITHOUT ROWID;
