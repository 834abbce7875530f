-- Sets the counts and adds snatches and what was uploaded less what was downloaded. The site
-- reindexes a torrent for its search when updated_at moves.
UPDATE {{rows}} AS d
STRAIGHT_JOIN torrents AS t ON t.id = d.torrent_id
SET t.seeders = LEAST(d.seeders, 2147483647),
    t.leechers = LEAST(d.leechers, 2147483647),
    t.times_completed = LEAST(t.times_completed + d.snatches, 2147483647),
    t.balance = LEAST(GREATEST(
        CAST(t.balance AS DECIMAL(30)) + d.uploaded_raw - d.downloaded_raw,
        -9223372036854775807), 9223372036854775807),
    t.updated_at = FROM_UNIXTIME(d.announced_at_seconds)
