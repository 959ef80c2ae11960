-- Requests that their senders withdrew before they arrived: a copy that arrives later begins nothing (I28). A home keeps its latest ones.
CREATE TABLE withdrawal (
    seq  INTEGER PRIMARY KEY AUTOINCREMENT,
    id   TEXT NOT NULL UNIQUE,
    home TEXT NOT NULL
) STRICT;
CREATE INDEX withdrawal_home ON withdrawal (home, seq);

-- The number of the fact that recorded the request, so that only this request can be withdrawn. NULL if it has no fact of its own.
ALTER TABLE request ADD COLUMN seq INTEGER;
