"""Sentiment in an application: the model file takes raw text, so onnxruntime is all it needs.

python examples/embed.py exported/ngram-cnn.onnx "A fine film." "Dull and far too long."
"""

import sys

import numpy as np
import onnxruntime as ort


def main() -> None:
    path, *reviews = sys.argv[1:] or [""]
    if not reviews:
        sys.exit("usage: embed.py MODEL REVIEW...")  # a batch holds at least one text
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    labels, probabilities = session.run(
        ["label", "probability"], {"text": np.array(reviews, dtype=object)}
    )
    for label, probability, review in zip(labels, probabilities, reviews, strict=True):
        print(f"{label}  {probability:.3f}  {review}")


if __name__ == "__main__":
    main()
