-- A running incident that cannot be read, or whose next deadline cannot be decided. It keeps `running`, and each start tries it again.
-- `quarantined_at` is in milliseconds since the epoch, and NULL for every other incident; `quarantine` is the reason, for the log.
-- A quarantined incident does not keep its home from having another one that runs.
ALTER TABLE incident ADD COLUMN quarantined_at INTEGER;
ALTER TABLE incident ADD COLUMN quarantine TEXT;
DROP INDEX one_running_incident_a_home;
CREATE UNIQUE INDEX one_running_incident_a_home ON incident (home, quiet) WHERE running = 1 AND quarantined_at IS NULL;
