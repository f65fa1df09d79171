"""What is known about faces and the data set: plain functions, no orchestrator, no tracker."""

import os

# oneDNN's kernels train and ask a network in two thirds of the time. TensorFlow takes them by
# itself on processors with AVX-512 alone, and reads this once, when it is imported.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
