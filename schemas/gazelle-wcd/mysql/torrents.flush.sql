-- Sets the counts, adds snatches and what was uploaded less what was downloaded. The time is that
-- of the last announce while there was a seeder.
UPDATE {{rows}} AS d
STRAIGHT_JOIN torrents AS s ON s.ID = d.torrent_id
SET s.Seeders = LEAST(d.seeders, 2147483647),
    s.Leechers = LEAST(d.leechers, 2147483647),
    s.Snatched = LEAST(s.Snatched + d.snatches, 4294967295),
    s.balance = LEAST(GREATEST(
        CAST(s.balance AS DECIMAL(30)) + d.uploaded_raw - d.downloaded_raw - d.corrupt_bytes,
        -9223372036854775807), 9223372036854775807),
    s.last_action =
        IF(d.seeders > 0, FROM_UNIXTIME(d.announced_at_seconds), s.last_action)
