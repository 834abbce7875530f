-- Torrents. Bit 0 of the flags says that the torrent is to be deleted.
SELECT {{torrent_id}} AS id,
    info_hash,
    flags & 1 AS deleted,
    GREATEST({{completed}}, 0) AS snatches,
    GREATEST({{seeders}}, 0) AS seeders,
    GREATEST({{leechers}}, 0) AS leechers,
    ctime AS created_at_seconds
FROM {{torrents}}
WHERE LENGTH(info_hash) = 20
