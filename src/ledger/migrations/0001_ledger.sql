-- One seller's ledger.
--
-- Times   integer microseconds since 1970-01-01T00:00:00Z.
-- Money   integer millionths of the currency's unit, beside the ISO 4217 code; both null or neither.
-- Words   lanes, actions, states: as they stand in --json.
-- JSON    `facets` {price, compare_at, quantity, content} and lists of issues, as they stand in --json.

-- "SKUC": how a ledger is told from any other SQLite file.
PRAGMA application_id = 1397445955;

-- Single numbers: catalog_rows, last_intent, last_order.
CREATE TABLE numbers (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    command TEXT NOT NULL,
    started INTEGER NOT NULL,
    finished INTEGER,
    summary TEXT -- JSON, as the run printed it
) STRICT;

CREATE TABLE channels (
    name TEXT PRIMARY KEY,
    first_contact INTEGER,
    last_push INTEGER,
    last_pull INTEGER,
    last_failure_at INTEGER,
    last_failure TEXT,
    credential_expires INTEGER,
    rehearsal INTEGER, -- 1 when an emulated channel stands behind the name
    watermark_at INTEGER, -- never moves back
    watermark_cursor TEXT
) STRICT, WITHOUT ROWID;

-- What a channel last confirmed of each sku.
CREATE TABLE listings (
    channel TEXT NOT NULL,
    sku TEXT NOT NULL,
    listing_ref TEXT NOT NULL,
    live INTEGER NOT NULL,
    managed INTEGER NOT NULL,
    price INTEGER,
    price_currency TEXT,
    compare_at INTEGER,
    compare_at_currency TEXT,
    quantity INTEGER,
    content TEXT, -- fingerprint, 32 hexadecimal digits
    at INTEGER NOT NULL,
    PRIMARY KEY (channel, sku)
) STRICT, WITHOUT ROWID;

-- Every change that was about to be sent, and how it ended.
CREATE TABLE journal (
    id INTEGER PRIMARY KEY,
    run TEXT NOT NULL REFERENCES runs (id),
    channel TEXT NOT NULL,
    sku TEXT NOT NULL,
    lane TEXT NOT NULL,
    action TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    before TEXT NOT NULL, -- facets
    after TEXT NOT NULL,  -- facets
    sent_at INTEGER NOT NULL,
    settled TEXT,         -- null until the outcome is recorded
    settled_at INTEGER,
    issues TEXT           -- null when there are none
) STRICT;

CREATE INDEX journal_open ON journal (channel) WHERE settled IS NULL OR settled = 'in_doubt';

-- Changes that a channel took for later.
CREATE TABLE pending (
    channel TEXT NOT NULL,
    sku TEXT NOT NULL,
    lane TEXT NOT NULL,
    intent INTEGER NOT NULL REFERENCES journal (id),
    action TEXT NOT NULL,
    before TEXT NOT NULL, -- facets
    after TEXT NOT NULL,  -- facets
    submission TEXT,
    listing_ref TEXT,
    since INTEGER NOT NULL,
    deadline INTEGER NOT NULL,
    superseded INTEGER NOT NULL,
    PRIMARY KEY (channel, sku, lane, intent)
) STRICT, WITHOUT ROWID;

-- What a channel refused, and is not asked again until it changes.
CREATE TABLE rejections (
    channel TEXT NOT NULL,
    sku TEXT NOT NULL,
    lane TEXT NOT NULL,
    after TEXT NOT NULL, -- facets
    issues TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (channel, sku, lane)
) STRICT, WITHOUT ROWID;

CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    channel TEXT NOT NULL,
    channel_order_id TEXT NOT NULL,
    number TEXT,
    status TEXT NOT NULL,
    channel_status TEXT NOT NULL, -- the channel's own word
    placed_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,  -- by the channel's clock
    shipped_at INTEGER,
    total INTEGER,
    total_currency TEXT,
    first_seen INTEGER NOT NULL,
    -- A stock figure later than this knows all about the order; null when nothing leaves the shelf.
    known_after INTEGER GENERATED ALWAYS AS (
        CASE
            WHEN status IN ('canceled', 'failed') THEN NULL
            WHEN status = 'refunded' THEN max(placed_at, coalesce(shipped_at, placed_at))
            WHEN status = 'shipped' AND shipped_at IS NOT NULL THEN max(placed_at, shipped_at)
            ELSE 9223372036854775807
        END
    ) VIRTUAL,
    UNIQUE (channel, channel_order_id)
) STRICT;

CREATE INDEX orders_known_after ON orders (known_after);

CREATE TABLE order_lines (
    order_id INTEGER NOT NULL REFERENCES orders (id),
    position INTEGER NOT NULL, -- from 0, in the channel's order
    line_id TEXT NOT NULL,
    sku TEXT,
    title TEXT,
    quantity INTEGER NOT NULL,
    canceled INTEGER NOT NULL,
    shipped INTEGER NOT NULL,
    unit_price INTEGER,
    unit_price_currency TEXT,
    tax_included INTEGER NOT NULL,
    fulfilled_by TEXT NOT NULL,
    PRIMARY KEY (order_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE charges (
    order_id INTEGER NOT NULL REFERENCES orders (id),
    line INTEGER NOT NULL, -- position of the line; -1 for the order as a whole
    position INTEGER NOT NULL,
    kind TEXT NOT NULL,
    label TEXT NOT NULL,
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL,
    PRIMARY KEY (order_id, line, position)
) STRICT, WITHOUT ROWID;

-- Parcels that we told the channel of.
CREATE TABLE shipments (
    order_id INTEGER NOT NULL REFERENCES orders (id),
    parcel INTEGER NOT NULL,
    carrier TEXT NOT NULL,
    tracking TEXT NOT NULL,
    shipped_at INTEGER NOT NULL,
    completes_order INTEGER NOT NULL,
    PRIMARY KEY (order_id, parcel)
) STRICT, WITHOUT ROWID;

CREATE TABLE shipment_lines (
    order_id INTEGER NOT NULL,
    parcel INTEGER NOT NULL,
    position INTEGER NOT NULL,
    line_id TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    PRIMARY KEY (order_id, parcel, position),
    FOREIGN KEY (order_id, parcel) REFERENCES shipments (order_id, parcel)
) STRICT, WITHOUT ROWID;

CREATE TABLE unreadable_orders (
    channel TEXT NOT NULL,
    channel_order_id TEXT NOT NULL, -- empty when not even the id could be read
    content TEXT NOT NULL,          -- fingerprint that stands in for a missing id, else empty
    reason TEXT NOT NULL,
    raw TEXT NOT NULL,
    PRIMARY KEY (channel, channel_order_id, content)
) STRICT, WITHOUT ROWID;

-- When each of a channel's token buckets is full again.
CREATE TABLE quotas (
    channel TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    full_at INTEGER NOT NULL,
    PRIMARY KEY (channel, endpoint)
) STRICT, WITHOUT ROWID;
