-- What people see of their signed-in devices: what it is, and when it was last used. A session ends when it was not used for long, and a
-- year after it began at the latest; `expires_at` holds whichever comes first.
ALTER TABLE session ADD COLUMN device TEXT NOT NULL DEFAULT '';
ALTER TABLE session ADD COLUMN seen_at INTEGER NOT NULL DEFAULT 0;
CREATE INDEX session_by_account ON session (account);
