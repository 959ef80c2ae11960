-- Other servers that are told of incidents' steps, by address, and since when: nothing older is told.
CREATE TABLE webhook (
    url   TEXT PRIMARY KEY,
    since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- How far each incident was told there: `next` is the number of the first step that was not acknowledged. It is written a little later
-- than it happens: after a power cut a step may be told twice, with the same id. `failing_since` and `failure` say that it is not
-- taken; `given_up` is 1 when it is not tried any more until somebody asks for it.
CREATE TABLE delivery (
    url           TEXT NOT NULL REFERENCES webhook (url),
    incident      TEXT NOT NULL REFERENCES incident (id),
    next          INTEGER NOT NULL,
    failing_since INTEGER,
    failure       TEXT,
    given_up      INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (url, incident)
) STRICT, WITHOUT ROWID;

CREATE INDEX incident_begun ON incident (started_at);
