-- Torrents changed since a time, deleted ones included. One whose hash another, better one has is
-- left out.
-- Placeholders: one ?, Unix seconds.
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
FROM torrents AS t
LEFT JOIN (SELECT DISTINCT torrent_id FROM featured_torrents) AS f ON f.torrent_id = t.id
WHERE GREATEST(t.updated_at, COALESCE(t.deleted_at, t.updated_at)) >= FROM_UNIXTIME(?)
    AND NOT EXISTS (
        SELECT 1
        FROM torrents AS o
        WHERE o.info_hash = t.info_hash
            AND o.id <> t.id
            AND (o.deleted_at IS NOT NULL, o.status <> 1, o.id)
                < (t.deleted_at IS NOT NULL, t.status <> 1, t.id)
    )
