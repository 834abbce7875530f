-- Finds the ids that the table gave to torrents that the tracker registered itself.
SELECT d.torrent_id AS torrent_id, t.{{torrent_id}} AS known_id
FROM {{rows}} AS d
JOIN {{torrents}} AS t ON t.info_hash = d.info_hash
WHERE t.{{torrent_id}} <> d.torrent_id
