from __future__ import annotations

import subprocess
import sys

# In a process of its own: it depends on what the import of TensorFlow finds.
RETRACING = """
from toolkit.networks import import_tensorflow
tensorflow = import_tensorflow()
@tensorflow.function
def same(number):
    return number
for number in range(10):
    same(number)
"""


def test_tensorflow_warns_of_no_retracing() -> None:
    found = subprocess.run(
        [sys.executable, "-c", RETRACING], capture_output=True, text=True, check=True
    )
    assert found.stderr == ""
