-- The reports of other servers that were answered within the last hour, also those that no incident recorded: a report that is sent
-- again counts in no other incident (F28). `key` is the reporter's name, a slash and the id of the message, `body` the SHA-256 of its
-- body, and `incident` the one that recorded it, in the same transaction. It refers to no row, so that it keeps no fact from being stored.
CREATE TABLE report (
    key      TEXT PRIMARY KEY,
    body     BLOB NOT NULL,
    incident TEXT,
    at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX report_by_time ON report (at);
-- The records of one kind, which an owner asks for, are found however many others there are.
CREATE INDEX audit_by_kind ON audit (home, what, number) WHERE what <> 'incident';
