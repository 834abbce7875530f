-- Adds what a batch says of torrents. {{rows}} is a derived table, one row per torrent, with the
-- columns
--   torrent_id,
--   uploaded_raw, downloaded_raw, uploaded_credited, downloaded_credited,
--   snatches (to be added; 0 to 9223372036854775807, snatches to 4294967295),
--   seeders, leechers (to be set), announced_at_seconds (the later one stays).
-- Must change one row per row of {{rows}}: a row that changes none is taken for an unknown torrent.
-- LEAST() ends a sum at the largest value that the column takes.
-- STRAIGHT_JOIN: the batch is read once, and each of its rows finds its record by key.
UPDATE {{rows}} AS d
STRAIGHT_JOIN torrents ON torrents.id = d.torrent_id
SET
    torrents.uploaded =
        LEAST(9223372036854775807 - d.uploaded_credited, torrents.uploaded) + d.uploaded_credited,
    torrents.downloaded =
        LEAST(9223372036854775807 - d.downloaded_credited, torrents.downloaded) + d.downloaded_credited,
    torrents.uploaded_raw =
        LEAST(9223372036854775807 - d.uploaded_raw, torrents.uploaded_raw) + d.uploaded_raw,
    torrents.downloaded_raw =
        LEAST(9223372036854775807 - d.downloaded_raw, torrents.downloaded_raw) + d.downloaded_raw,
    torrents.snatches = LEAST(4294967295 - d.snatches, torrents.snatches) + d.snatches,
    torrents.seeders = d.seeders,
    torrents.leechers = d.leechers,
    torrents.announced_at_seconds =
        GREATEST(torrents.announced_at_seconds, d.announced_at_seconds)
