-- Adds credited bytes; users are only ever changed, never added. LEAST() ends a sum at the largest
-- value of the column.
UPDATE {{rows}} AS d
STRAIGHT_JOIN users AS u ON u.id = d.user_id
SET u.uploaded = u.uploaded + LEAST(d.uploaded_credited, 18446744073709551615 - u.uploaded),
    u.downloaded = u.downloaded + LEAST(d.downloaded_credited, 18446744073709551615 - u.downloaded)
