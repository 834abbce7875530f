-- Torrents added since a time, and those that are to be deleted: as XBT, mika does not look at the
-- others again until it reads everything. Placeholders: one ?, a Unix time in seconds.
SELECT {{torrent_id}} AS id,
    info_hash,
    flags & 1 AS deleted,
    GREATEST({{completed}}, 0) AS snatches,
    GREATEST({{seeders}}, 0) AS seeders,
    GREATEST({{leechers}}, 0) AS leechers,
    ctime AS created_at_seconds
FROM {{torrents}}
WHERE LENGTH(info_hash) = 20 AND (ctime >= ? OR flags & 1)
