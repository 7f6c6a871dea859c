-- core.db, schema 6: a one-time link opens a session of its maker, of a user, or of a wall (`way`), which has a name.

ALTER TABLE one_time_link ADD COLUMN way TEXT NOT NULL DEFAULT 'link';
ALTER TABLE one_time_link ADD COLUMN display TEXT NOT NULL DEFAULT '';
