-- Sets the counts and adds snatches.
UPDATE {{rows}} AS d
STRAIGHT_JOIN {{torrents}} AS t ON t.{{torrent_id}} = d.torrent_id
SET t.{{seeders}} = LEAST(d.seeders, 2147483647),
    t.{{leechers}} = LEAST(d.leechers, 2147483647),
    t.{{completed}} = LEAST(t.{{completed}} + d.snatches, 2147483647),
    t.mtime = LEAST(d.announced_at_seconds, 2147483647)
