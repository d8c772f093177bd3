-- Where in its submission a change stands, for channels that answer by place.
ALTER TABLE pending ADD COLUMN part INTEGER;
