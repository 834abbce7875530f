-- What a user did on a torrent. Assignments run from left to right: the seed time comes before what
-- it is told by. It is counted as the site does, by the time since the row's last change, so that
-- two clients of a user do not count twice; a gap of 9000 seconds or more adds nothing. A row without announces is of a
-- client that fell silent: it only says whether the user is still there.
INSERT INTO history (user_id, torrent_id, agent, uploaded, actual_uploaded, client_uploaded,
    downloaded, actual_downloaded, client_downloaded, seeder, active, seedtime, immune, created_at,
    updated_at, completed_at)
SELECT d.user_id, d.torrent_id, d.agent, d.uploaded_credited, d.uploaded_raw,
    d.uploaded_client_bytes, d.downloaded_credited, d.downloaded_raw, d.downloaded_client_bytes,
    d.seeder, d.active, 0, d.immune, FROM_UNIXTIME(d.first_announced_at_seconds),
    FROM_UNIXTIME(d.announced_at_seconds), FROM_UNIXTIME(d.completed_at_seconds)
FROM {{rows}} AS d
ON DUPLICATE KEY UPDATE
    history.agent = IF(d.agent = '', history.agent, d.agent),
    history.uploaded =
        history.uploaded + LEAST(d.uploaded_credited, 18446744073709551615 - history.uploaded),
    history.actual_uploaded = history.actual_uploaded
        + LEAST(d.uploaded_raw, 18446744073709551615 - history.actual_uploaded),
    history.downloaded = history.downloaded
        + LEAST(d.downloaded_credited, 18446744073709551615 - history.downloaded),
    history.actual_downloaded = history.actual_downloaded
        + LEAST(d.downloaded_raw, 18446744073709551615 - history.actual_downloaded),
    history.client_uploaded = IF(d.announces, d.uploaded_client_bytes, history.client_uploaded),
    history.client_downloaded =
        IF(d.announces, d.downloaded_client_bytes, history.client_downloaded),
    history.seedtime = history.seedtime + IF(
        d.announces AND d.seeder AND history.seeder AND history.active
            AND d.announced_at_seconds < UNIX_TIMESTAMP(history.updated_at) + 9000,
        GREATEST(d.announced_at_seconds - UNIX_TIMESTAMP(history.updated_at), 0),
        0),
    history.seeder = IF(d.announces, d.seeder, history.seeder),
    history.active = d.active,
    history.immune = IF(d.announces, history.immune AND d.immune, history.immune),
    history.updated_at =
        IF(d.announces, FROM_UNIXTIME(d.announced_at_seconds), history.updated_at),
    history.completed_at =
        COALESCE(history.completed_at, FROM_UNIXTIME(d.completed_at_seconds))
