-- Finds the torrents of a batch that the store has under another id than the tracker, which
-- registered them itself while somebody added them: what is announced under the one counts for the
-- other. {{rows}} is a derived table, one row per torrent with an id of the tracker's, with the
-- columns
--   torrent_id (2147483648 or more), info_hash (20 bytes).
-- Columns are read by name:
--   torrent_id (as given), known_id (the id of the torrent with that info-hash, as first or second
--   hash; only if it is another one).
SELECT d.torrent_id AS torrent_id, t.id AS known_id
FROM {{rows}} AS d
JOIN torrents AS t ON t.info_hash = d.info_hash OR t.info_hash_v2 = d.info_hash
WHERE t.id <> d.torrent_id
