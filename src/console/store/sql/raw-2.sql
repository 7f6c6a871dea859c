-- raw-YYYYMMDD.db, schema 2: hours (since 1970) whose chunks the roll-ups do not hold yet, marked in the transaction
-- that stores the chunks: samples that come late mark their hour again.

CREATE TABLE roll_due (
    hour  INTEGER NOT NULL,
    probe TEXT NOT NULL,
    PRIMARY KEY (hour, probe)
) STRICT, WITHOUT ROWID;
INSERT INTO roll_due SELECT DISTINCT c.t0 / 3600000, s.probe FROM chunk c JOIN series s ON s.id = c.series;
