-- Adds credited bytes; users are only ever changed, never added.
UPDATE {{rows}} AS d
STRAIGHT_JOIN users_main AS m ON m.ID = d.user_id
SET m.Uploaded = m.Uploaded + LEAST(d.uploaded_credited, 18446744073709551615 - m.Uploaded),
    m.Downloaded = m.Downloaded + LEAST(d.downloaded_credited, 18446744073709551615 - m.Downloaded)
