-- Torrents. Of a free one (1) the download does not count, of a neutral one (2) nothing does.
SELECT t.ID AS id,
    t.info_hash,
    IF(t.FreeTorrent = '2', 0, 100) AS upload_percent,
    IF(t.FreeTorrent = '0', 100, 0) AS download_percent,
    GREATEST(COALESCE(s.Snatched, 0), 0) AS snatches,
    GREATEST(COALESCE(s.Seeders, 0), 0) AS seeders,
    GREATEST(COALESCE(s.Leechers, 0), 0) AS leechers,
    COALESCE(UNIX_TIMESTAMP(t.Time), 0) AS created_at_seconds
FROM torrents AS t
LEFT JOIN torrents_leech_stats AS s ON s.TorrentID = t.ID
WHERE LENGTH(t.info_hash) = 20
