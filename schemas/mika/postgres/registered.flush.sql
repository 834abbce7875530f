-- Adds torrents that the tracker registered itself, before anything else of their batch. {{rows}}
-- is a derived table, one row per torrent, with the columns
--   torrent_id (2147483648 or more: ids below are given by the store),
--   info_hash (20 bytes),
--   registered_at_seconds.
INSERT INTO torrents (id, info_hash, created_at_seconds)
SELECT d.torrent_id, d.info_hash, d.registered_at_seconds
FROM {{rows}} AS d
