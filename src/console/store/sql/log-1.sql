-- log-YYYYMMDD.db, schema 1: records of kinds that this build only keeps (log lines, and kinds of a newer agent).

CREATE TABLE record (
    agent    TEXT NOT NULL,
    stream   TEXT NOT NULL,
    epoch    TEXT NOT NULL,
    seq      INTEGER NOT NULL,
    kind     TEXT NOT NULL,
    at       INTEGER NOT NULL,
    received INTEGER NOT NULL,
    body     TEXT NOT NULL,
    PRIMARY KEY (agent, stream, epoch, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX record_time ON record (at);
