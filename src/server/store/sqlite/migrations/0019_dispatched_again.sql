-- Which services were requested, by the facts that request them. Each such fact requests a service once (I2). A repeated
-- press requests a service again if its help is over, or if nobody has accepted it for ten minutes (R20).
CREATE TABLE dispatched (
    incident TEXT NOT NULL REFERENCES incident (id),
    service  TEXT NOT NULL,
    seq      INTEGER NOT NULL,
    PRIMARY KEY (incident, service, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO dispatched (incident, service, seq) SELECT incident, service, 0 FROM dispatch;
DROP TABLE dispatch;
ALTER TABLE dispatched RENAME TO dispatch;
