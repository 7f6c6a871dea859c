-- core.db, schema 8: the other orders of the inbox over all that ever was, each with all that its filters ask.

CREATE INDEX incident_by_severity ON incident (severity, opened, id, state, object, problem, cause, assignee, updated, acked);
CREATE INDEX incident_by_updated ON incident (updated, opened, id, state, severity, object, problem, cause, assignee, acked);
CREATE INDEX incident_by_object ON incident (object, opened, id, state, severity, problem, cause, assignee, updated, acked);
