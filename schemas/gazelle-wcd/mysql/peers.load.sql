-- The peers that another tracker left behind, so that counters go on where they were. Their ports
-- are not stored: they are handed out when they announce again.
SELECT uid AS user_id,
    fid AS torrent_id,
    peer_id,
    uploaded AS uploaded_bytes,
    downloaded AS downloaded_bytes,
    remaining AS left_bytes,
    active,
    mtime - timespent AS started_at_seconds,
    mtime AS announced_at_seconds
FROM xbt_files_users
