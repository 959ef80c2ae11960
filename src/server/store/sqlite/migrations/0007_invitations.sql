-- Links by which an owner lets somebody into a home: by the hashes of their tokens, each for one person, once.
CREATE TABLE invitation (
    token      BLOB PRIMARY KEY,
    home       TEXT NOT NULL REFERENCES home (id),
    role       TEXT NOT NULL CHECK (role IN ('owner', 'shared', 'guest')),
    name       TEXT NOT NULL,
    inviter    TEXT NOT NULL REFERENCES account (id),
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX invitation_by_home ON invitation (home);
