-- Adds credited bytes; rows are only ever changed, never added.
UPDATE {{rows}} AS d
STRAIGHT_JOIN users_leech_stats AS s ON s.UserID = d.user_id
SET s.Uploaded = s.Uploaded + LEAST(d.uploaded_credited, 9223372036854775807 - s.Uploaded),
    s.Downloaded = s.Downloaded + LEAST(d.downloaded_credited, 9223372036854775807 - s.Downloaded)
