-- Scrapes, if store.log_scrapes is on; IPv4 only, as a number.
INSERT INTO {{scrape_log}} (ipa, uid, mtime)
SELECT CONV(HEX(d.address), 16, 10), d.user_id, d.scraped_at_seconds
FROM {{rows}} AS d
WHERE LENGTH(d.address) = 4
