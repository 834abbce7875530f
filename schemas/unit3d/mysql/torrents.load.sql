-- One torrent per info-hash, for the column is not unique: of several the approved one, else one
-- that is not deleted, else the one with the lowest id.
SELECT t.id,
    t.info_hash,
    t.name AS title,
    t.status,
    IF(t.doubleup, 200, 100) AS upload_percent,
    100 - LEAST(GREATEST(t.free, 0), 100) AS download_percent,
    f.torrent_id IS NOT NULL AS featured,
    t.deleted_at IS NOT NULL AS deleted,
    GREATEST(t.times_completed, 0) AS snatches,
    GREATEST(t.seeders, 0) AS seeders,
    GREATEST(t.leechers, 0) AS leechers,
    COALESCE(UNIX_TIMESTAMP(t.created_at), 0) AS created_at_seconds
FROM (
    SELECT torrents.*,
        ROW_NUMBER() OVER (
            PARTITION BY info_hash ORDER BY deleted_at IS NOT NULL, status <> 1, id
        ) AS place
    FROM torrents
) AS t
LEFT JOIN (SELECT DISTINCT torrent_id FROM featured_torrents) AS f ON f.torrent_id = t.id
WHERE t.place = 1
