-- How many listings of a channel are live, and how many of those are ours: counted when they are recorded, so that nobody
-- has to go through all of them to know. The channel's row is there before its listings.
ALTER TABLE channels ADD COLUMN live INTEGER NOT NULL DEFAULT 0;
ALTER TABLE channels ADD COLUMN live_managed INTEGER NOT NULL DEFAULT 0;

INSERT INTO channels (name, live, live_managed)
SELECT channel, count(*), sum(managed) FROM listings WHERE live GROUP BY channel
ON CONFLICT (name) DO UPDATE SET live = excluded.live, live_managed = excluded.live_managed;

CREATE TRIGGER listing_is_new AFTER INSERT ON listings WHEN new.live
BEGIN
    UPDATE channels SET live = live + 1, live_managed = live_managed + new.managed
    WHERE name = new.channel;
END;

CREATE TRIGGER listing_is_other AFTER UPDATE OF live, managed ON listings
WHEN old.live <> new.live OR old.managed <> new.managed
BEGIN
    UPDATE channels SET live = live + new.live - old.live,
        live_managed = live_managed + (new.live AND new.managed) - (old.live AND old.managed)
    WHERE name = new.channel;
END;
