-- All multipliers for everybody. Columns are read by name:
--   name, upload_percent, download_percent (0 to 65535), starts_at_seconds, ends_at_seconds.
-- No placeholders.
SELECT name, upload_percent, download_percent, starts_at_seconds, ends_at_seconds
FROM events
