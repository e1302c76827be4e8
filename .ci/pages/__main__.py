"""Write both references."""

from pages.commands import REFERENCE, reference
from pages.python import API, api

REFERENCE.write_text(reference(), encoding="utf-8")
API.write_text(api(), encoding="utf-8")
