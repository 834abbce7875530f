"""All trackers, in the order in which they are shown."""

from trackers import absent, aquatic_http, aquatic_udp, mika, npm, opentracker, responder, torrust

MODULES = (mika, responder, aquatic_udp, aquatic_http, opentracker, torrust, npm, absent)
TRACKERS = tuple(kind for module in MODULES for kind in module.TRACKERS)
