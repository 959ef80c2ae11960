-- Tells this file from its copies. It changes at each start and each stop, here and in a file beside the database. If they differ, this is
-- not the file that the server wrote last (I32). One row; none before the first start.
CREATE TABLE epoch (
    only  INTEGER PRIMARY KEY CHECK (only = 1),
    value TEXT NOT NULL
) STRICT;
