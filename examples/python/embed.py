"""Sentiment in an application: the model file takes raw text, so onnxruntime is all it needs.

python embed.py MODEL [TEXT...]

Prints the label and the probability of each text, or of each line of standard input.
"""

import sys
from collections.abc import Iterator
from itertools import islice

import numpy as np
import onnxruntime as ort

LINES_AT_ONCE = 32  # a batch is as wide as its longest text, so a small one saves memory


def load(path: str) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1  # the network is small
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def score(session: ort.InferenceSession, texts: list[str]) -> Iterator[tuple[str, float]]:
    labels, probabilities = session.run(
        ["label", "probability"], {"text": np.array(texts, dtype=object)}
    )
    return zip(labels, probabilities, strict=True)


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit("usage: embed.py MODEL [TEXT...]")
    try:
        session = load(sys.argv[1])
    except Exception as error:  # noqa: BLE001 (ONNX Runtime's errors have no common base)
        sys.exit(f"embed.py: {error}")
    # Reviews may hold a lone carriage return, which is no end of a line.
    sys.stdin.reconfigure(encoding="utf-8", errors="replace", newline="\n")  # type: ignore[union-attr]
    texts = iter(sys.argv[2:]) if sys.argv[2:] else (line.removesuffix("\n") for line in sys.stdin)
    while batch := list(islice(texts, LINES_AT_ONCE)):
        for label, probability in score(session, batch):
            print(f"{label} {probability:.7f}")


if __name__ == "__main__":
    main()
