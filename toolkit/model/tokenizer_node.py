"""What the `Tokenizer` nodes of a model's graph are set to, by the version of the token rule.

`toolkit.export.front_end` writes these settings into new files, and `toolkit.model.agreement`
compares a file with them.
"""

from __future__ import annotations

from typing import TypeAlias

from toolkit.text.rule import TokenRule

# The attributes of a node: a regular expression for tokens, or some for what separates them.
Settings: TypeAlias = "dict[str, str | list[str]]"

# In the syntax of RE2, which ONNX Runtime builds in.
_FROM_NUL_ON = r"\x00[\s\S]*"


def tokenizer_settings(rule: TokenRule) -> list[Settings]:
    """Return the settings of each `Tokenizer` node, in the order of the graph.

    A second node finds tokens that are mark-up as a whole.
    """
    if rule.has_markup:
        tokens = f"{rule.markup_pattern}|{rule.token_pattern}"
        return [{"tokenexp": tokens}, {"separators": [rf"\A(?:{rule.markup_pattern})\z"]}]
    separators = "".join(f"\\x{{{ord(character):x}}}" for character in rule.separators)
    from_nul = [_FROM_NUL_ON] if rule.ends_at_nul else []
    return [{"separators": [*from_nul, f"[{separators}]+"]}]  # one after the other


def older_settings(rule: TokenRule) -> list[Settings]:
    """Return the settings in files of format versions 1 and 2, which had an expression for tokens.

    They mean the same as `tokenizer_settings` of rule 1.
    """
    separators = "".join(f"\\x{ord(character):02x}" for character in rule.separators)
    return [{"tokenexp": f"[^{separators}]+"}]
