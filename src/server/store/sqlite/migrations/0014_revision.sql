-- Counts up with each change of a home: whoever changes one says which it was made from, so that no change is lost under another.
ALTER TABLE home ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
