-- All users, deleted ones included. Columns are read by name:
--   id (1 to 4294967295), site_id (NULL: same as id), name, passkey, role_id,
--   download_enabled, deleted (0 or 1), uploaded, downloaded (credited bytes), uploaded_raw,
--   downloaded_raw (reported bytes), seed_seconds, snatches, announced_at_seconds (0: never),
--   created_at_seconds,
--   upload_percent, download_percent (NULL: only the role's), immune (NULL: as the role says),
--   address_hidden (0 or 1), wait_seconds, peers_max (NULL: no limit).
-- No placeholders.
SELECT id, site_id, name, passkey, role_id, download_enabled, deleted, uploaded, downloaded,
    uploaded_raw, downloaded_raw, seed_seconds, snatches, announced_at_seconds, created_at_seconds,
    upload_percent, download_percent, immune, address_hidden, wait_seconds, peers_max
FROM users
