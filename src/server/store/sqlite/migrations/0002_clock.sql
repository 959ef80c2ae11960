-- What the server's time is tied to: which start of the machine, and the server's time (milliseconds since the epoch) at an uptime
-- (milliseconds). A restart goes on from here, wherever the wall clock was set meanwhile (I16). One row.
CREATE TABLE clock (
    only      INTEGER PRIMARY KEY CHECK (only = 1),
    boot      TEXT NOT NULL,
    uptime_ms INTEGER NOT NULL,
    at        INTEGER NOT NULL
) STRICT;
