"""Records: one JSON document about one artifact version."""

from customhouse.catalog.catalog import Catalog, Held
from customhouse.catalog.cursors import Cursors
from customhouse.catalog.inspections import Inspections
from customhouse.catalog.record import Planned, Record

__all__ = ["Catalog", "Cursors", "Held", "Inspections", "Planned", "Record"]
