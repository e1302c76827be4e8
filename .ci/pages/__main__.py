"""Write both references, and the badges of the README."""

from pages.badges import BADGES, badges
from pages.commands import REFERENCE, reference
from pages.python import API, api

REFERENCE.write_text(reference(), encoding="utf-8")
API.write_text(api(), encoding="utf-8")
BADGES.write_text(badges(), encoding="utf-8")
