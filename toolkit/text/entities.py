"""The mark-up of HTML in reviews that were copied from a page: tags, and entities of marks."""

from __future__ import annotations

# With lower case only. Tags have no < inside and a largest length, so that one can be found from
# any place within it. What "a < b" and "i <3 it" have is not a tag.
_INSIDE = r"[\x01-;=?-\x7f]{0,200}"
TAG = rf"<(?:/?[a-z][a-z0-9]{{0,15}}(?:[\t-\r /]{_INSIDE})?|!{_INSIDE})>"
LONGEST_TAG = 221  # "<", "/", a name, white space, what is inside, and ">"

_NAMED = {
    "quot": '"', "amp": "&", "lt": "<", "gt": ">", "excl": "!", "num": "#", "dollar": "$",
    "percnt": "%", "lpar": "(", "rpar": ")", "ast": "*", "plus": "+", "comma": ",", "period": ".",
    "sol": "/", "colon": ":", "semi": ";", "equals": "=", "quest": "?", "commat": "@", "lsqb": "[",
    "bsol": "\\", "rsqb": "]", "lowbar": "_", "grave": "`", "lcub": "{", "verbar": "|",
    "rcub": "}", "tab": "\t", "newline": "\n", "nbsp": "\u00a0", "ensp": "\u2002",
    "emsp": "\u2003", "thinsp": "\u2009", "zwj": "\u200d", "laquo": "\u00ab", "raquo": "\u00bb",
    "lsaquo": "\u2039", "rsaquo": "\u203a", "lsquo": "\u2018", "sbquo": "\u201a",
    "ldquo": "\u201c", "rdquo": "\u201d", "bdquo": "\u201e", "hyphen": "\u2010",
    "ndash": "\u2013", "mdash": "\u2014", "horbar": "\u2015", "bull": "\u2022",
    "hellip": "\u2026", "apos": "'", "rsquo": "\u2019", "acute": "\u00b4",
}  # fmt: skip


def entities_of(characters: str) -> dict[str, str]:
    """Give the entities of some characters, such as ``&quot;``, each with its character."""
    found = {f"&{name};": char for name, char in _NAMED.items() if char in characters}
    for character in characters:
        code = ord(character)
        found |= {f"&#{code};": character, f"&#x{code:x};": character}
    if "'" in characters:
        found["&#039;"] = "'"  # as PHP writes it
    return dict(sorted(found.items()))
