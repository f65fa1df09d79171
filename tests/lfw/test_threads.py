"""Threads give what a loop gives, and OpenCV's own are put back."""

import cv2
import pytest

from lfw.threads import in_threads, one_thread_an_image


@pytest.mark.parametrize("count", [0, 1, 64, 65, 1000])
def test_threads_keep_the_order_and_tell_how_far_they_are(count: int) -> None:
    told: list[tuple[int, int]] = []

    def tell(done: int, total: int) -> None:
        told.append((done, total))

    found = list(in_threads(lambda n: n * n, range(count), tell))
    assert found == [n * n for n in range(count)]
    assert [total for _, total in told] == [count] * len(told)
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert not count or told[-1] == (count, count)


def test_threads_pass_errors_on() -> None:
    with pytest.raises(ZeroDivisionError):
        list(in_threads(lambda n: 1 // n, [2, 1, 0]))


def test_opencv_gets_its_threads_back_even_after_an_error() -> None:
    before = cv2.getNumThreads()
    with pytest.raises(KeyError), one_thread_an_image():
        assert cv2.getNumThreads() == 1
        raise KeyError
    assert cv2.getNumThreads() == before
