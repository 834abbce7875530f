-- The statements that write the rows of a batch, by kind: registered, users, torrents, history.
-- plus() ends at the largest integer.

INSERT INTO torrents (id, info_hash, created_at_seconds)
VALUES (:torrent_id, :hash, :registered_at_seconds);

UPDATE users SET
    uploaded = plus(uploaded, :uploaded_credited),
    downloaded = plus(downloaded, :downloaded_credited),
    uploaded_raw = plus(uploaded_raw, :uploaded_raw),
    downloaded_raw = plus(downloaded_raw, :downloaded_raw),
    seed_seconds = plus(seed_seconds, :seed_seconds),
    snatches = plus(snatches, :snatches),
    announced_at_seconds = MAX(announced_at_seconds, :announced_at_seconds)
WHERE id = :user_id;

UPDATE torrents SET
    uploaded = plus(uploaded, :uploaded_credited),
    downloaded = plus(downloaded, :downloaded_credited),
    uploaded_raw = plus(uploaded_raw, :uploaded_raw),
    downloaded_raw = plus(downloaded_raw, :downloaded_raw),
    snatches = MIN(4294967295, snatches + :snatches),
    seeders = :seeders,
    leechers = :leechers,
    announced_at_seconds = MAX(announced_at_seconds, :announced_at_seconds)
WHERE id = :torrent_id;

INSERT INTO history (user_id, torrent_id, uploaded, downloaded, uploaded_raw, downloaded_raw,
    seed_seconds, snatches, left_bytes, active, announced_at_seconds)
VALUES (:user_id, :torrent_id, :uploaded_credited, :downloaded_credited, :uploaded_raw,
    :downloaded_raw, :seed_seconds, :snatches, :left_bytes, :active, :announced_at_seconds)
ON CONFLICT DO UPDATE SET
    uploaded = plus(uploaded, :uploaded_credited),
    downloaded = plus(downloaded, :downloaded_credited),
    uploaded_raw = plus(uploaded_raw, :uploaded_raw),
    downloaded_raw = plus(downloaded_raw, :downloaded_raw),
    seed_seconds = plus(seed_seconds, :seed_seconds),
    snatches = plus(snatches, :snatches),
    left_bytes = IIF(:announced_at_seconds >= announced_at_seconds, :left_bytes, left_bytes),
    active = :active,
    announced_at_seconds = MAX(announced_at_seconds, :announced_at_seconds);
