-- The peers: the client's own counters, and speeds in bytes a second since its last report. A row
-- of a client that fell silent has no peer id unless tracker.keep_peer_ids is on; the site looks at
-- mtime.
INSERT INTO xbt_files_users (uid, fid, peer_id, active, uploaded, downloaded, remaining, upspeed,
    downspeed, corrupt, timespent, announced, useragent, mtime, ip)
SELECT d.user_id, d.torrent_id, d.peer_id, d.active, d.uploaded_bytes, d.downloaded_bytes,
    d.left_bytes, LEAST(d.upload_speed, 2147483647), LEAST(d.download_speed, 2147483647),
    d.corrupt_bytes, d.elapsed_seconds, d.announces,
    LEFT(d.agent, 51), d.announced_at_seconds,
    IF(CHAR_LENGTH(COALESCE(d.address_text, '')) <= 15, COALESCE(d.address_text, ''), '')
FROM {{rows}} AS d
WHERE d.peer_id IS NOT NULL
ON DUPLICATE KEY UPDATE
    xbt_files_users.active = d.active,
    xbt_files_users.uploaded = d.uploaded_bytes,
    xbt_files_users.downloaded = d.downloaded_bytes,
    xbt_files_users.remaining = d.left_bytes,
    xbt_files_users.upspeed = LEAST(d.upload_speed, 2147483647),
    xbt_files_users.downspeed = LEAST(d.download_speed, 2147483647),
    xbt_files_users.corrupt = d.corrupt_bytes,
    xbt_files_users.timespent =
        LEAST(xbt_files_users.timespent + d.elapsed_seconds, 2147483647),
    xbt_files_users.announced = LEAST(xbt_files_users.announced + d.announces, 2147483647),
    xbt_files_users.useragent = IF(d.agent = '', xbt_files_users.useragent, LEFT(d.agent, 51)),
    xbt_files_users.mtime = d.announced_at_seconds,
    xbt_files_users.ip =
        IF(CHAR_LENGTH(COALESCE(d.address_text, '')) <= 15, COALESCE(d.address_text, ''), '')
