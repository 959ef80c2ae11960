-- When somebody last gave the password on a device: changes of a home ask for it again after a while, an SOS never does.
ALTER TABLE session ADD COLUMN proven_at INTEGER NOT NULL DEFAULT 0;
