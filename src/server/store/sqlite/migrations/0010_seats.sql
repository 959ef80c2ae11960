-- A link into no home is one to the monitoring center: a supervisor invites whoever works there.
CREATE TABLE invited (
    token      BLOB PRIMARY KEY,
    home       TEXT REFERENCES home (id),
    role       TEXT NOT NULL,
    name       TEXT NOT NULL,
    inviter    TEXT NOT NULL REFERENCES account (id),
    expires_at INTEGER NOT NULL,
    CHECK (CASE WHEN home IS NULL THEN role IN ('operator', 'supervisor') ELSE role IN ('owner', 'shared', 'guest') END)
) STRICT, WITHOUT ROWID;
INSERT INTO invited SELECT token, home, role, name, inviter, expires_at FROM invitation;
DROP TABLE invitation;
ALTER TABLE invited RENAME TO invitation;
CREATE INDEX invitation_by_home ON invitation (home);
