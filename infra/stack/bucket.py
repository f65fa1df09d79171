"""The bucket that holds the team's artifacts."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from lfw.errors import LfwError

BUCKET = "mlflow"
"""As in ``--artifacts-destination=s3://mlflow``."""


class Bucket:
    """The stack's bucket.

    The keys are those of ``AWS_ACCESS_KEY_ID`` and ``AWS_SECRET_ACCESS_KEY``, the address that of
    ``MLFLOW_S3_ENDPOINT_URL``.
    """

    def __init__(self) -> None:
        import boto3

        self._s3: Any = boto3.client(
            "s3", endpoint_url=os.environ.get("MLFLOW_S3_ENDPOINT_URL") or None
        )

    @contextlib.contextmanager
    def _asked(self) -> Iterator[None]:
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except (Boto3Error, BotoCoreError, ClientError) as error:
            where = self._s3.meta.endpoint_url
            raise LfwError(f"The bucket {BUCKET!r} of the S3 store at {where}: {error}") from error

    def ensure(self) -> None:
        """Make the bucket if it is not there.

        Raises
        ------
        LfwError
            If the store does not answer or refuses, as with every call here.
        """
        with self._asked():
            names = [bucket["Name"] for bucket in self._s3.list_buckets()["Buckets"]]
            if BUCKET not in names:
                self._s3.create_bucket(Bucket=BUCKET)

    def objects(self) -> Iterator[tuple[str, int]]:
        """Give the key and the size in bytes of every object, in the order of keys."""
        with self._asked():
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
            for page in pages:
                for found in page.get("Contents", []):
                    yield str(found["Key"]), int(found["Size"])

    def open(self, key: str) -> BinaryIO:
        """Open an object for reading, from its beginning to its end."""
        with self._asked():
            body: BinaryIO = self._s3.get_object(Bucket=BUCKET, Key=key)["Body"]
        return body

    def put(self, key: str, content: BinaryIO) -> None:
        """Write an object, in parts if it is large."""
        with self._asked():
            self._s3.upload_fileobj(content, BUCKET, key)

    def put_file(self, key: str, path: Path) -> None:
        """Write a file as an object."""
        with self._asked():
            self._s3.upload_file(str(path), BUCKET, key)

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects."""
        for start in range(0, len(keys), 1000):
            batch = [{"Key": key} for key in keys[start : start + 1000]]
            asked = {"Objects": batch, "Quiet": True}
            with self._asked():
                done = self._s3.delete_objects(Bucket=BUCKET, Delete=asked)
            if done.get("Errors"):
                raise LfwError(f"The S3 store does not delete: {done['Errors'][0]}")
