-- Homes as they are set up. The document is the whole home as JSON: it is always read and written whole.
CREATE TABLE home (
    id       TEXT PRIMARY KEY,
    document TEXT NOT NULL
) STRICT;

-- People with an account. The e-mail address is kept in lower case; the password as an Argon2id hash in PHC form.
CREATE TABLE account (
    id       TEXT PRIMARY KEY,
    email    TEXT NOT NULL UNIQUE,
    name     TEXT NOT NULL,
    password TEXT NOT NULL
) STRICT;

-- Who is what to which home. The rows' own order is the order in which somebody came to them, and that of the home switcher.
CREATE TABLE membership (
    home          TEXT NOT NULL REFERENCES home (id),
    account       TEXT NOT NULL REFERENCES account (id),
    role          TEXT NOT NULL CHECK (role IN ('owner', 'shared', 'guest')),
    sos_withdrawn INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (home, account)
) STRICT;
CREATE INDEX membership_by_account ON membership (account);

-- Signed-in devices. Only the hash of a token is kept, so that a stolen file signs nobody in. Times are milliseconds since the epoch.
CREATE TABLE session (
    token      BLOB PRIMARY KEY,
    account    TEXT NOT NULL REFERENCES account (id),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The links on emergency contacts' phones: hashes too. `shown` is the token itself, kept only by a demo.
CREATE TABLE contact_link (
    token   BLOB PRIMARY KEY,
    home    TEXT NOT NULL REFERENCES home (id),
    contact TEXT NOT NULL,
    shown   TEXT
) STRICT, WITHOUT ROWID;

-- One row an incident. It is the fold of its facts; only what must be found without reading them stands here.
-- `running` is 1 until it is over, and then NULL: the unique index lets a home have one that runs (I11).
CREATE TABLE incident (
    id         TEXT PRIMARY KEY,
    home       TEXT NOT NULL REFERENCES home (id),
    started_at INTEGER NOT NULL,
    running    INTEGER CHECK (running = 1)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX one_running_incident_a_home ON incident (home) WHERE running = 1;
CREATE INDEX incident_of_home ON incident (home, started_at DESC);

-- What happened, for ever, in order. A row holds the facts of one decision as a JSON list; `first` is the number of its first fact.
CREATE TABLE facts (
    incident TEXT NOT NULL REFERENCES incident (id),
    first    INTEGER NOT NULL,
    body     TEXT NOT NULL,
    PRIMARY KEY (incident, first)
) STRICT, WITHOUT ROWID;

-- Requests by the id that the client made, so that a repeated one finds its incident, also where it joined another.
-- `fingerprint` is the hash of what was asked: the same id with another body is refused (F10).
CREATE TABLE request (
    id          TEXT PRIMARY KEY,
    incident    TEXT NOT NULL REFERENCES incident (id),
    fingerprint BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- What is to be done outside, stored with the facts that cause it (I12), and taken away when it was carried out or given up:
-- what was done stands in the facts. The body is the whole effect as JSON.
CREATE TABLE outbox (
    key  TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Which services were requested: at most once for each service of an incident (I2).
CREATE TABLE dispatch (
    incident TEXT NOT NULL REFERENCES incident (id),
    service  TEXT NOT NULL,
    PRIMARY KEY (incident, service)
) STRICT, WITHOUT ROWID;
