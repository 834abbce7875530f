-- Adds what a batch says of users on torrents. {{rows}} is a derived table, one row per user and
-- torrent, with the columns
--   user_id, torrent_id,
--   uploaded_raw, downloaded_raw, uploaded_credited, downloaded_credited, seed_seconds,
--   snatches (to be added; 0 to 9223372036854775807),
--   active (0 or 1, to be set), announced_at_seconds (the later one stays),
--   left_bytes (that of the later announce stays: an older client may expire last).
-- LEAST() ends a sum at the largest value that the column takes.
-- Assignments run from left to right: the time comes after what depends on it.
INSERT INTO history (user_id, torrent_id, uploaded, downloaded, uploaded_raw, downloaded_raw,
    seed_seconds, snatches, left_bytes, active, first_announced_at_seconds, announced_at_seconds)
SELECT d.user_id, d.torrent_id, d.uploaded_credited, d.downloaded_credited, d.uploaded_raw,
    d.downloaded_raw, d.seed_seconds, d.snatches, d.left_bytes, d.active, d.announced_at_seconds,
    d.announced_at_seconds
FROM {{rows}} AS d
ON DUPLICATE KEY UPDATE
    history.uploaded =
        LEAST(9223372036854775807 - d.uploaded_credited, history.uploaded) + d.uploaded_credited,
    history.downloaded =
        LEAST(9223372036854775807 - d.downloaded_credited, history.downloaded) + d.downloaded_credited,
    history.uploaded_raw =
        LEAST(9223372036854775807 - d.uploaded_raw, history.uploaded_raw) + d.uploaded_raw,
    history.downloaded_raw =
        LEAST(9223372036854775807 - d.downloaded_raw, history.downloaded_raw) + d.downloaded_raw,
    history.seed_seconds =
        LEAST(9223372036854775807 - d.seed_seconds, history.seed_seconds) + d.seed_seconds,
    history.snatches =
        LEAST(9223372036854775807 - d.snatches, history.snatches) + d.snatches,
    history.left_bytes =
        IF(d.announced_at_seconds >= history.announced_at_seconds, d.left_bytes,
            history.left_bytes),
    history.active = d.active,
    history.announced_at_seconds =
        GREATEST(history.announced_at_seconds, d.announced_at_seconds)
