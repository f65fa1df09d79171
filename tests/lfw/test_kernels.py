"""TensorFlow is told which kernels to take before anything imports it."""

import os
import subprocess
import sys

import pytest

_VARIABLE = "TF_ENABLE_ONEDNN_OPTS"
_ASKED = f"import os, sys, lfw; print(os.environ['{_VARIABLE}'], 'tensorflow' in sys.modules)"


@pytest.mark.parametrize(("given", "taken"), [(None, "1"), ("0", "0")])
def test_onednn_is_asked_for_unless_the_user_says_otherwise(given: str | None, taken: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != _VARIABLE}
    environment |= {} if given is None else {_VARIABLE: given}
    done = subprocess.run(
        [sys.executable, "-c", _ASKED], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [taken, "False"]
