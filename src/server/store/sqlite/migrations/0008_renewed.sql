-- A session that was renewed as its person said again who they are: which one it replaces, until its own token was used for the first time.
ALTER TABLE session ADD COLUMN replaces BLOB;
CREATE UNIQUE INDEX session_replaces ON session (replaces) WHERE replaces IS NOT NULL;
