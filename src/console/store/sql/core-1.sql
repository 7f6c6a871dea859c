-- core.db, schema 1: what must commit together with the audit row of the change.
-- Times are milliseconds since 1970 UTC; booleans are 0 and 1; nothing secret stands here in clear text.

CREATE TABLE setting (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Declared things, one row each. `body` is the TOML that `inventory export` writes of it.
-- A removed one stays as a tombstone; an id may return, with a new uuid.
CREATE TABLE entity (
    uuid         TEXT PRIMARY KEY,
    kind         TEXT NOT NULL,
    id           TEXT NOT NULL,
    origin       TEXT NOT NULL,
    rev          INTEGER NOT NULL,
    body         TEXT NOT NULL,
    renamed_from TEXT,
    created      INTEGER NOT NULL,
    updated      INTEGER NOT NULL,
    removed      INTEGER
) STRICT;
CREATE UNIQUE INDEX entity_live ON entity (kind, id) WHERE removed IS NULL;

-- Observed by agents; never mixed with what is declared.
CREATE TABLE fact (
    object   TEXT NOT NULL,
    instance TEXT NOT NULL,
    probe    TEXT NOT NULL,
    field    TEXT NOT NULL,
    value    TEXT NOT NULL,
    agent    TEXT NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (object, instance, probe, field)
) STRICT, WITHOUT ROWID;
CREATE TABLE observed_interface (
    asset TEXT NOT NULL,
    name  TEXT NOT NULL,
    agent TEXT NOT NULL,
    first INTEGER NOT NULL,
    PRIMARY KEY (asset, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE incident (
    id          TEXT PRIMARY KEY,
    problem     TEXT NOT NULL,
    object      TEXT NOT NULL,
    instance    TEXT NOT NULL,
    state       TEXT NOT NULL,
    severity    INTEGER NOT NULL,
    opened      INTEGER NOT NULL,
    updated     INTEGER NOT NULL,
    resolved    INTEGER,
    closed      INTEGER,
    ack         TEXT,
    assignee    TEXT,
    count       INTEGER NOT NULL,
    flags       INTEGER NOT NULL,
    cause       TEXT,
    previous    TEXT,
    close_cause TEXT,
    party       TEXT,
    category    TEXT NOT NULL,
    runbook     TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX incident_key ON incident (problem, object, instance) WHERE state IN ('open', 'acked');
CREATE INDEX incident_state ON incident (state, id);
CREATE INDEX incident_object ON incident (object, id);
CREATE INDEX incident_problem ON incident (problem, id);
CREATE INDEX incident_cause ON incident (cause) WHERE cause IS NOT NULL;

-- `since` and `at` are corrected by the agent's clock skew; what the agent wrote stands beside them.
CREATE TABLE contribution (
    incident       TEXT NOT NULL REFERENCES incident (id),
    agent          TEXT NOT NULL,
    rule           TEXT NOT NULL,
    firing         INTEGER NOT NULL,
    severity       INTEGER NOT NULL,
    since          INTEGER NOT NULL,
    at             INTEGER NOT NULL,
    since_original INTEGER,
    at_original    INTEGER,
    flapping       INTEGER NOT NULL,
    stale          INTEGER NOT NULL,
    count          INTEGER NOT NULL,
    evidence       TEXT NOT NULL,
    folds_into     TEXT NOT NULL,
    PRIMARY KEY (incident, agent, rule)
) STRICT, WITHOUT ROWID;

CREATE TABLE timeline (
    seq      INTEGER PRIMARY KEY,
    incident TEXT NOT NULL REFERENCES incident (id),
    at       INTEGER NOT NULL,
    actor    TEXT NOT NULL,
    kind     TEXT NOT NULL,
    text     TEXT NOT NULL
) STRICT;
CREATE INDEX timeline_incident ON timeline (incident, seq);

-- Kept by the writer, so that no page counts rows.
CREATE TABLE incident_counter (
    state    TEXT NOT NULL,
    severity INTEGER NOT NULL,
    n        INTEGER NOT NULL,
    PRIMARY KEY (state, severity)
) STRICT, WITHOUT ROWID;

CREATE TABLE agent (
    id        TEXT PRIMARY KEY,
    enrolled  INTEGER,
    heard     INTEGER,
    skew_ms   INTEGER,
    status    TEXT,
    status_at INTEGER,
    revoked   TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE certificate (
    serial  TEXT PRIMARY KEY,
    agent   TEXT NOT NULL,
    issued  INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    revoked TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX certificate_agent ON certificate (agent);

CREATE TABLE enrol_token (
    hash    TEXT PRIMARY KEY,
    agent   TEXT NOT NULL,
    region  TEXT,
    created INTEGER NOT NULL,
    creator TEXT NOT NULL,
    expires INTEGER NOT NULL,
    used    INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE api_token (
    name    TEXT PRIMARY KEY,
    hash    TEXT NOT NULL UNIQUE,
    role    TEXT NOT NULL,
    scope   TEXT,
    created INTEGER NOT NULL,
    creator TEXT NOT NULL,
    expires INTEGER,
    used    INTEGER,
    revoked INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE secret (
    name       TEXT PRIMARY KEY,
    kind       TEXT NOT NULL,
    generation INTEGER NOT NULL,
    sealed     BLOB NOT NULL,
    updated    INTEGER NOT NULL,
    updater    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE job (
    id      TEXT PRIMARY KEY,
    agent   TEXT NOT NULL,
    body    TEXT NOT NULL,
    created INTEGER NOT NULL,
    done    INTEGER,
    ok      INTEGER,
    detail  TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX job_waiting ON job (agent, id) WHERE done IS NULL;

-- Hash chain: hash = SHA-256(previous hash, canonical row).
CREATE TABLE audit (
    seq    INTEGER PRIMARY KEY,
    at     INTEGER NOT NULL,
    actor  TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    before TEXT NOT NULL,
    after  TEXT NOT NULL,
    reason TEXT NOT NULL,
    result TEXT NOT NULL,
    hash   BLOB NOT NULL
) STRICT;

CREATE TABLE watermark (
    agent   TEXT NOT NULL,
    stream  TEXT NOT NULL,
    epoch   TEXT NOT NULL,
    acked   INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    PRIMARY KEY (agent, stream, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE gap (
    agent    TEXT NOT NULL,
    stream   TEXT NOT NULL,
    epoch    TEXT NOT NULL,
    first    INTEGER NOT NULL,
    last     INTEGER NOT NULL,
    cause    TEXT NOT NULL,
    received INTEGER NOT NULL,
    PRIMARY KEY (agent, stream, epoch, first)
) STRICT, WITHOUT ROWID;

-- Records put aside: more than a day ahead, or malformed. Bounded by the daily tick.
CREATE TABLE aside (
    agent    TEXT NOT NULL,
    stream   TEXT NOT NULL,
    epoch    TEXT NOT NULL,
    seq      INTEGER NOT NULL,
    why      TEXT NOT NULL,
    at       INTEGER NOT NULL,
    received INTEGER NOT NULL,
    kind     TEXT NOT NULL,
    body     TEXT NOT NULL,
    PRIMARY KEY (agent, stream, epoch, seq)
) STRICT, WITHOUT ROWID;

-- State of the console's own rules, and of the alerts that it raises about its agents.
CREATE TABLE rule_state (
    key  TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
