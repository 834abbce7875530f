-- Users with a pass. can_leech, wait_time, peers_limit and torrent_pass_version are columns that a
-- site may lack: take out the lines of those that it does. A site that derives all its passes and
-- has no torrent_pass still has to give each user one that nobody can guess, such as
--   SHA2(CONCAT('a secret of your own', {{user_id}}), 224) AS passkey,
-- and leaves out the last line.
SELECT {{user_id}} AS id,
    torrent_pass AS passkey,
    can_leech <> 0 AS download_enabled,
    wait_time AS wait_seconds,
    NULLIF(peers_limit, 0) AS peers_max,
    torrent_pass_version AS pass_version,
    uploaded,
    downloaded
FROM {{users}}
WHERE torrent_pass <> ''
