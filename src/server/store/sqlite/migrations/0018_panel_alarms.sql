-- The alarms of each panel that were acknowledged and that the panel has not restored since, as JSON: the oldest first, each with its
-- signal and its zone. That one of them continues begins nothing anew, also after a restart.
CREATE TABLE panel_alarms (
    account TEXT PRIMARY KEY,
    alarms  TEXT NOT NULL
) STRICT;
