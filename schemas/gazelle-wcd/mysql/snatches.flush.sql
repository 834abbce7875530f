-- One row for each download that finished. The column holds an IPv4 address; of an IPv6 one, or of
-- a user who hides it, nothing is written.
INSERT INTO xbt_snatched (uid, fid, tstamp, IP)
SELECT d.user_id, d.torrent_id, d.snatched_at_seconds,
    IF(CHAR_LENGTH(COALESCE(d.address_text, '')) <= 15, COALESCE(d.address_text, ''), '')
FROM {{rows}} AS d
