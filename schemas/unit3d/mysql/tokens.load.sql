-- Freeleech tokens: without an end, until the site removes them.
SELECT DISTINCT user_id, torrent_id, 100 AS upload_percent, 0 AS download_percent
FROM freeleech_tokens
