-- Adds what a batch says of users on torrents. {{rows}} is a derived table, one row per user and
-- torrent, with the columns
--   user_id, torrent_id,
--   uploaded_raw, downloaded_raw, uploaded_credited, downloaded_credited, seed_seconds,
--   snatches (to be added; 0 to 9223372036854775807),
--   active (0 or 1, to be set), announced_at_seconds (the later one stays),
--   left_bytes (that of the later announce stays: an older client may expire last).
-- LEAST() ends a sum at the largest value that the column takes.
INSERT INTO history (user_id, torrent_id, uploaded, downloaded, uploaded_raw, downloaded_raw,
    seed_seconds, snatches, left_bytes, active, first_announced_at_seconds, announced_at_seconds)
SELECT d.user_id, d.torrent_id, d.uploaded_credited, d.downloaded_credited, d.uploaded_raw,
    d.downloaded_raw, d.seed_seconds, d.snatches, d.left_bytes, d.active, d.announced_at_seconds,
    d.announced_at_seconds
FROM {{rows}} AS d
ON CONFLICT (user_id, torrent_id) DO UPDATE
SET
    uploaded =
        LEAST(9223372036854775807 - excluded.uploaded, history.uploaded) + excluded.uploaded,
    downloaded =
        LEAST(9223372036854775807 - excluded.downloaded, history.downloaded) + excluded.downloaded,
    uploaded_raw =
        LEAST(9223372036854775807 - excluded.uploaded_raw, history.uploaded_raw) + excluded.uploaded_raw,
    downloaded_raw =
        LEAST(9223372036854775807 - excluded.downloaded_raw, history.downloaded_raw) + excluded.downloaded_raw,
    seed_seconds =
        LEAST(9223372036854775807 - excluded.seed_seconds, history.seed_seconds) + excluded.seed_seconds,
    snatches =
        LEAST(9223372036854775807 - excluded.snatches, history.snatches) + excluded.snatches,
    left_bytes = CASE
        WHEN excluded.announced_at_seconds >= history.announced_at_seconds
        THEN excluded.left_bytes
        ELSE history.left_bytes
    END,
    active = excluded.active,
    announced_at_seconds =
        GREATEST(history.announced_at_seconds, excluded.announced_at_seconds)
