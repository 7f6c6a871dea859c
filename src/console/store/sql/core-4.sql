-- core.db, schema 4: what the inbox walks. Both indexes hold all that its filters and orders ask, so that no row
-- of the table is read before it is known to be shown.

ALTER TABLE incident ADD COLUMN acked INTEGER GENERATED ALWAYS AS (json_extract(ack, '$.at')) VIRTUAL;
CREATE INDEX incident_opened ON incident (opened, id, state, severity, object, problem, cause, assignee, updated, acked);
CREATE INDEX incident_active ON incident (opened, id, state, severity, object, problem, cause, assignee, updated, acked)
    WHERE state IN ('open', 'acked');
