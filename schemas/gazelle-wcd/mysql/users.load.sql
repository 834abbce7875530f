-- Users that are enabled. Enums are compared as text, for their numbers mean something else.
SELECT ID AS id,
    Username AS name,
    torrent_pass AS passkey,
    can_leech <> 0 AS download_enabled,
    (Visible = '0' OR IP = '127.0.0.1') AS address_hidden,
    Uploaded AS uploaded,
    Downloaded AS downloaded
FROM users_main
WHERE Enabled = '1'
