-- Fingerprint of what a listing showed when its content was last read, 32 hexadecimal digits; null once other content
-- was sent.
ALTER TABLE listings ADD COLUMN shown TEXT;
