-- How many listings of a channel are live, and how many of those are ours: counted when they are recorded.
ALTER TABLE channels ADD COLUMN live INTEGER NOT NULL DEFAULT 0;
ALTER TABLE channels ADD COLUMN live_managed INTEGER NOT NULL DEFAULT 0;

INSERT INTO channels (name, live, live_managed)
SELECT channel, count(*), sum(managed) FROM listings WHERE live GROUP BY channel
ON CONFLICT (name) DO UPDATE SET live = excluded.live, live_managed = excluded.live_managed;
