-- Which listings were written, in which order: what was compared before such a number needs no second look unless it
-- is named after it. `seq` is never given twice, and at least the time of the write, so that an older copy of the
-- ledger that goes on by itself gives others.
CREATE TABLE touched (
    seq INTEGER NOT NULL,
    channel TEXT NOT NULL,
    sku TEXT NOT NULL,
    PRIMARY KEY (seq, channel, sku)
) STRICT, WITHOUT ROWID;

-- Where this ledger begins to count.
INSERT INTO touched (seq, channel, sku)
VALUES (CAST(unixepoch('subsec') * 1000000 AS INTEGER) + abs(random() % 1000), '', '');
