"""One HTTP entry for Fargate, Cloud Run and Container Apps (WSGI)."""

import logging
import os
from functools import cache

from customhouse import app, callers, web

logging.basicConfig(level=logging.INFO, format="%(message)s")
application = web.entry(cache(app.load), callers.read(os.environ))
