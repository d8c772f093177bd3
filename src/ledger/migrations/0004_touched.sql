-- Which listings were written, in which order: what was compared before such a number needs no second look unless it
-- is named after it. `seq` is never given twice, and at least the time of the write, so that an older copy of the
-- ledger that goes on by itself gives others.
CREATE TABLE touched (
    seq INTEGER PRIMARY KEY,
    channel TEXT NOT NULL,
    listings INTEGER NOT NULL, -- how many
    skus TEXT NOT NULL -- JSON
) STRICT;

-- Where this ledger begins to count.
INSERT INTO touched (seq, channel, listings, skus)
VALUES (CAST(unixepoch('subsec') * 1000000 AS INTEGER) + abs(random() % 1000), '', 0, '[]');
