-- Freeleech tokens in use: what is downloaded does not count.
SELECT UserID AS user_id, TorrentID AS torrent_id, 100 AS upload_percent, 0 AS download_percent
FROM users_freeleeches
WHERE Expired = 0
