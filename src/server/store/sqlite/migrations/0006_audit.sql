-- Who did what, for ever: every sign-in, every change, every step of an incident. `hash` is SHA-256 over the hash before it and everything
-- in the row, so that a row that is changed, moved or taken out shows (`buckler audit verify`). Nothing here is a secret.
CREATE TABLE audit (
    number  INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    what    TEXT NOT NULL,
    account TEXT,
    home    TEXT,
    session TEXT,
    address TEXT,
    detail  TEXT NOT NULL,
    hash    BLOB NOT NULL
) STRICT;
CREATE INDEX audit_by_home ON audit (home, number) WHERE what <> 'incident';
CREATE INDEX audit_by_account ON audit (account, number) WHERE home IS NULL;
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN SELECT raise(ABORT, 'the audit is only added to'); END;
CREATE TRIGGER audit_is_not_shortened BEFORE DELETE ON audit BEGIN SELECT raise(ABORT, 'the audit is only added to'); END;
-- Up to which decision each incident stands in the audit, and which incidents went on since. What happens is stored first, and taken
-- over into the audit when nothing waits.
CREATE TABLE audited (
    incident TEXT PRIMARY KEY REFERENCES incident (id),
    upto     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE unaudited (
    incident TEXT PRIMARY KEY REFERENCES incident (id)
) STRICT, WITHOUT ROWID;
INSERT INTO unaudited SELECT id FROM incident;
