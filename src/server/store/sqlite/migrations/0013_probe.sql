-- What readiness writes, to see whether what people do would be stored. One row, which only counts.
CREATE TABLE probe (
    only  INTEGER PRIMARY KEY CHECK (only = 1),
    count INTEGER NOT NULL
) STRICT;
