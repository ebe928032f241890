"""Serve the sample on this machine."""

from tests.web.theme_sample import create_sample

create_sample().run(port=5099, threaded=True)
