-- What a user did on a torrent: bytes and completions are added, the rest is as of now.
INSERT INTO {{peers}} ({{torrent_id}}, {{user_id}}, active, announced, completed, downloaded, `left`,
    uploaded, mtime)
SELECT d.torrent_id, d.user_id, d.active, d.announces, d.snatches, d.downloaded_credited, d.left_bytes,
    d.uploaded_credited, d.announced_at_seconds
FROM {{rows}} AS d
ON DUPLICATE KEY UPDATE
    {{peers}}.active = d.active,
    {{peers}}.announced = LEAST({{peers}}.announced + d.announces, 2147483647),
    {{peers}}.completed = LEAST({{peers}}.completed + d.snatches, 2147483647),
    {{peers}}.downloaded = {{peers}}.downloaded
        + LEAST(d.downloaded_credited, 18446744073709551615 - {{peers}}.downloaded),
    {{peers}}.`left` = d.left_bytes,
    {{peers}}.uploaded = {{peers}}.uploaded
        + LEAST(d.uploaded_credited, 18446744073709551615 - {{peers}}.uploaded),
    {{peers}}.mtime = d.announced_at_seconds
