-- Who works at the monitoring center, and as what. It says nothing of any home.
CREATE TABLE center (
    account TEXT PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    role    TEXT NOT NULL CHECK (role IN ('operator', 'supervisor'))
) STRICT, WITHOUT ROWID;
