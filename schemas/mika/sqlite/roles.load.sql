-- All roles. Columns are read by name:
--   id (1 to 65535), name, priority, upload_percent, download_percent (0 to 65535),
--   upload_enabled, download_enabled (0 or 1), download_slots (NULL: no limit),
--   immune, enabled (0 or 1).
-- No placeholders.
SELECT id, name, priority, upload_percent, download_percent, upload_enabled, download_enabled,
    download_slots, immune, enabled
FROM roles
