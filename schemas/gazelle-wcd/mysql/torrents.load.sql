-- Torrents. Of a free one (1) the download does not count, of a neutral one (2) nothing does.
SELECT ID AS id,
    info_hash,
    IF(FreeTorrent = '2', 0, 100) AS upload_percent,
    IF(FreeTorrent = '0', 100, 0) AS download_percent,
    Snatched AS snatches,
    GREATEST(Seeders, 0) AS seeders,
    GREATEST(Leechers, 0) AS leechers
FROM torrents
WHERE LENGTH(info_hash) = 20
