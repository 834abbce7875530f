-- All users each time, as XBT does: nothing in their table says when they changed. Placeholders: one
-- ?, a Unix time in seconds, which every row is later than.
SELECT {{user_id}} AS id,
    torrent_pass AS passkey,
    can_leech <> 0 AS download_enabled,
    wait_time AS wait_seconds,
    NULLIF(peers_limit, 0) AS peers_max,
    torrent_pass_version AS pass_version,
    uploaded,
    downloaded
FROM {{users}}
WHERE torrent_pass <> '' AND ? >= 0
