-- Whether the home must not notice the incident before it is over: a duress code, a silent hold-up. A home has one running incident
-- of each kind (I11): a quiet one neither joins nor blocks one that everybody sees.
ALTER TABLE incident ADD COLUMN quiet INTEGER NOT NULL DEFAULT 0 CHECK (quiet IN (0, 1));
DROP INDEX one_running_incident_a_home;
CREATE UNIQUE INDEX one_running_incident_a_home ON incident (home, quiet) WHERE running = 1;
