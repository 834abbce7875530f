-- Adds what a batch says of torrents. {{rows}} is a derived table, one row per torrent, with the
-- columns
--   torrent_id,
--   uploaded_raw, downloaded_raw, uploaded_credited, downloaded_credited,
--   snatches (to be added; 0 to 9223372036854775807, snatches to 4294967295),
--   seeders, leechers (to be set), announced_at_seconds (the later one stays).
-- Must change one row per row of {{rows}}: a row that changes none is taken for an unknown torrent.
-- LEAST() ends a sum at the largest value that the column takes.
UPDATE torrents
SET
    uploaded =
        LEAST(9223372036854775807 - d.uploaded_credited, torrents.uploaded) + d.uploaded_credited,
    downloaded =
        LEAST(9223372036854775807 - d.downloaded_credited, torrents.downloaded) + d.downloaded_credited,
    uploaded_raw =
        LEAST(9223372036854775807 - d.uploaded_raw, torrents.uploaded_raw) + d.uploaded_raw,
    downloaded_raw =
        LEAST(9223372036854775807 - d.downloaded_raw, torrents.downloaded_raw) + d.downloaded_raw,
    snatches = LEAST(4294967295 - d.snatches, torrents.snatches) + d.snatches,
    seeders = d.seeders,
    leechers = d.leechers,
    announced_at_seconds = GREATEST(torrents.announced_at_seconds, d.announced_at_seconds)
FROM {{rows}} AS d
WHERE torrents.id = d.torrent_id
