-- Deletes torrents that the site has flagged, once they are refused. Take this file away to keep
-- them.
DELETE t
FROM {{torrents}} AS t
JOIN {{rows}} AS d ON d.torrent_id = t.{{torrent_id}}
WHERE t.flags & 1
