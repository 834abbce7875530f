-- Users with a pass. can_leech, wait_time and peers_limit are columns that a site may lack: take
-- out the lines of those that it does.
SELECT {{user_id}} AS id,
    torrent_pass AS passkey,
    can_leech <> 0 AS download_enabled,
    wait_time AS wait_seconds,
    NULLIF(peers_limit, 0) AS peers_max,
    uploaded,
    downloaded
FROM {{users}}
WHERE torrent_pass <> ''
