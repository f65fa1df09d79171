"""Look for bad images with cleanvision: ``python -m benchmarks.peers.cleaning FOLDER``.

It is a process of its own, since cleanvision prints as it goes and starts processes. The seconds of
the search alone, without imports, are printed in the last line.
"""

import sys
import time


def main() -> None:
    """Search a folder for every issue that cleanvision knows."""
    from cleanvision import Imagelab

    since = time.perf_counter()
    Imagelab(data_path=sys.argv[1]).find_issues(verbose=False)
    print(time.perf_counter() - since)


if __name__ == "__main__":
    main()
