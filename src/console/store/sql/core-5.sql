-- core.db, schema 5: the audit trail is looked through by who, what, on what and when; lists are paged by `seq`.

CREATE INDEX audit_actor ON audit (actor);
CREATE INDEX audit_action ON audit (action);
CREATE INDEX audit_target ON audit (target);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_refused ON audit (seq) WHERE result <> 'ok';
