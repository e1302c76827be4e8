"""What goes wrong with texts on their way into a model file, and the line that repairs it.

The one home of the traps: `toolkit info` names them, its JSON and the table in `examples/README.md`
have all, and `tests/examples/test_traps.py` shows each one and its repair.
"""

from __future__ import annotations

from dataclasses import dataclass

EVERYWHERE = "everywhere"


@dataclass(frozen=True)
class Trap:
    """Something that an application has to prevent."""

    name: str
    where: tuple[str, ...]  # languages or builds
    what: str
    repair: str  # code is in backquotes


TRAPS = (
    Trap(
        "no known word",
        (EVERYWHERE,),
        "a text of which the model knows no word has a label and a probability, too",
        "look at `known_tokens` first: 0 is no opinion",
    ),
    Trap(
        "other languages",
        (EVERYWHERE,),
        "of a Spanish review, half of the words are known, mostly as names, and it gets a label",
        "no opinion if, in Python, "
        '`known_tokens < 0.7 * len(re.findall(r"[\\w\'\u2019]+", text)[-512:])`, '
        "in JavaScript `knownTokens < "
        "0.7 * (text.match(/[\\p{L}\\p{N}_'\u2019]+/gu) ?? []).slice(-512).length`: "
        "so are nine of ten short reviews in other languages, and 2 % of English ones",
    ),
    Trap(
        "emoji without a space",
        (EVERYWHERE,),
        "good\U0001f60d is one word, which no model knows; nor does one know two emoji side by "
        "side, or a thumb with a skin tone",
        "a space before and after each; in Python "
        '`re.sub("([\\u2600-\\u27BF\\U0001F000-\\U0001FAFF]\\uFE0F?)", r" \\1 ", text)`, '
        "in JavaScript "
        '`text.replace(/[\\u2600-\\u27BF\\u{1F000}-\\u{1FAFF}]\\uFE0F?/gu, " $& ")`. '
        "`toolkit score` does not do it",
    ),
    Trap(
        "long texts",
        (EVERYWHERE,),
        "ONNX Runtime makes a table of all words of a batch, as wide as its longest text: 5,000 "
        "short texts beside one of 20,000 words took 8 s and 4 GB",
        "at most 32 texts at once (0.03 s and 5 MB); a text of more than 8,000 characters alone, "
        "and only its end, by the rule of long texts in examples/README.md. The last 8,000 "
        "characters are too few where words are long",
    ),
    Trap(
        "missing values",
        ("Python",),
        'None and NaN become the words "None" and "nan"; the second one is positive, 0.89',
        '`text if isinstance(text, str) else ""`, which has no known word',
    ),
    Trap(
        "lone surrogates",
        ("Python",),
        "half of a pair fails the whole batch",
        '`text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")`',
    ),
    Trap(
        "missing values",
        ("Node.js", "Bun", "Deno", "web pages, WebAssembly"),
        "null, undefined or a number fails the whole batch",
        '`typeof text === "string" ? text : ""`, which has no known word',
    ),
    Trap(
        "invalid UTF-8",
        ("C", "C++", "Go"),
        "one byte fails the whole batch; the message of ONNX Runtime does not say which text",
        'examples/c says which; in Go `strings.ToValidUTF8(text, "\\uFFFD")`',
    ),
    Trap(
        "emoji and NUL",
        ("Java",),
        "the binding com.microsoft.onnxruntime hands over modified UTF-8, in which one emoji, NUL "
        "or half a surrogate pair fails the whole batch",
        '`text.replaceAll("[\\\\x{10000}-\\\\x{10FFFF}\\\\p{Cs}]", "\\uFFFD").split("\\0", 2)[0]`; '
        "examples/java, which calls C, also keeps the few emoji that models know",
    ),
    Trap(
        "lone surrogates",
        ("Java",),
        'String.getBytes makes "?" of half a pair, which splits a word',
        '`text.replaceAll("\\\\p{Cs}", "\\uFFFD")`',
    ),
    Trap(
        "NUL",
        ("Node.js", "Bun", "Deno"),
        "onnxruntime-node ends a text at its first NUL. So do models of token rule 2, but not "
        "those of rule 1",
        'for models of rule 1 `text.replaceAll("\\0", "\\x01")`',
    ),
    Trap(
        "lone surrogates",
        ("web pages, WebAssembly",),
        "half of a pair fails the whole batch",
        "`text.toWellFormed()`",
    ),
    Trap(
        "capitals",
        ("web pages, WebAssembly",),
        "this build lowercases letters outside ASCII, too. Models know their words in capitals, so "
        "that few words change, such as those with U+212A",
        "`sendable` in examples/web/src/worker/sendable.js",
    ),
    Trap(
        "webgpu",
        ("web pages, WebAssembly",),
        "`onnxruntime-web/webgpu` lacks LabelEncoder, and opens no text-in model",
        '`import * as ort from "onnxruntime-web/wasm"`, or the twin that takes token ids',
    ),
    Trap(
        "emoji alone",
        ("ONNX Runtime 1.17",),
        "a text of nothing but emoji is misread: a thumb up is not positive",
        "ONNX Runtime 1.18 or newer, or a space in front of each text",
    ),
)


def traps_of(where: str) -> tuple[str, ...]:
    """Name the traps of a language or build, without those that are everywhere."""
    return tuple(trap.name for trap in TRAPS if where in trap.where)


def traps_table() -> str:
    """Give the table of examples/README.md."""
    rows = [
        f"| {', '.join(trap.where)} | **{trap.name}**: {trap.what} | {_escaped(trap.repair)} |"
        for trap in TRAPS
    ]
    return "\n".join(["| where | trap | repair |", "|---|---|---|", *rows])


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
