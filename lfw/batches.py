"""How batches of `tf.data` are handed to a fit."""

import tensorflow as tf


def untuned(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Keep TensorFlow from tuning how batches are made: the numbers of threads are given here.

    The thread that tunes sleeps for 10, 20, 40 … milliseconds in turn, and may miss that it is to
    end: whoever lets go of the batches then waits until it wakes, seconds after a long fit.
    Batches and their order are the same.

    Parameters
    ----------
    batches
        A data set whose parallelism and prefetching are numbers, not ``tf.data.AUTOTUNE``.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return batches.with_options(options)
