-- Users that are enabled. Enums are compared as text, for their numbers mean something else.
SELECT m.ID AS id,
    m.Username AS name,
    m.torrent_pass AS passkey,
    m.can_leech <> 0 AS download_enabled,
    (m.Visible IN ('0', 'no') OR m.IP = '127.0.0.1') AS address_hidden,
    GREATEST(COALESCE(s.Uploaded, 0), 0) AS uploaded,
    GREATEST(COALESCE(s.Downloaded, 0), 0) AS downloaded
FROM users_main AS m
LEFT JOIN users_leech_stats AS s ON s.UserID = m.ID
WHERE m.Enabled IN ('1', 'enabled')
