-- All multipliers for one user on one torrent. Columns are read by name:
--   user_id, torrent_id, upload_percent, download_percent (0 to 65535),
--   ends_at_seconds (NULL: never).
-- No placeholders.
SELECT user_id, torrent_id, upload_percent, download_percent, ends_at_seconds
FROM tokens
