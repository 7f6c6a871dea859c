-- event-YYYYMM.db, schema 1: what devices said, lines of syslog and traps. The row number is the time in milliseconds
-- times 2^20, and then the next that is free: newest first is by row number, in the table and in the index of words.

CREATE TABLE event (
    id       INTEGER PRIMARY KEY,
    mark     INTEGER NOT NULL, -- of agent, epoch, sequence and row: what comes twice is kept once
    agent    TEXT NOT NULL,
    received INTEGER NOT NULL,
    source   TEXT NOT NULL,
    sender   TEXT NOT NULL,
    via      TEXT NOT NULL, -- empty = it came straight
    asset    TEXT NOT NULL, -- empty = nobody's
    host     TEXT NOT NULL,
    facility INTEGER NOT NULL,
    severity INTEGER NOT NULL,
    tag      TEXT NOT NULL,
    text     TEXT NOT NULL,
    count    INTEGER NOT NULL
) STRICT;
CREATE INDEX event_asset ON event (asset, id);
CREATE INDEX event_sender ON event (sender, id);
-- Contentless: words go in cut, Chinese as pairs of characters; whole files are deleted, never rows.
CREATE VIRTUAL TABLE word USING fts5 (text, content = '', tokenize = 'unicode61 remove_diacritics 0');
