-- The peers that another tracker left behind, so that counters go on where they were.
SELECT user_id,
    torrent_id,
    peer_id,
    ip AS address,
    port,
    uploaded AS uploaded_bytes,
    downloaded AS downloaded_bytes,
    `left` AS left_bytes,
    active,
    visible,
    UNIX_TIMESTAMP(created_at) AS started_at_seconds,
    UNIX_TIMESTAMP(updated_at) AS announced_at_seconds
FROM peers
