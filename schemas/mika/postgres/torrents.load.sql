-- All torrents, deleted ones included. Columns are read by name:
--   id (1 to 4294967295), info_hash, info_hash_v2 (20 bytes; v2 may be NULL), title,
--   upload_percent, download_percent (0 to 65535), enabled, deleted (0 or 1), reason, snatches,
--   uploaded, downloaded (credited bytes), uploaded_raw, downloaded_raw (reported bytes), seeders,
--   leechers, announced_at_seconds (0: never), created_at_seconds,
--   status (0 pending, 1 approved, 2 rejected, 3 postponed), featured (0 or 1).
-- No placeholders.
SELECT id, info_hash, info_hash_v2, title, upload_percent, download_percent, enabled, deleted,
    reason, snatches, uploaded, downloaded, uploaded_raw, downloaded_raw, seeders, leechers,
    announced_at_seconds, created_at_seconds, status, featured
FROM torrents
