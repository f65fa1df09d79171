"""The notebook's way from files to a fitted network, as its author would write it today.

    python -m benchmarks.peers.notebook DATA_SET_FOLDER SCRATCH_FOLDER --epochs 14

Read the list of people, look at every image's size, draw 75 images of each of the six most
photographed people, copy them into folders, fit the notebook's network on `ImageDataGenerator`'s
batches, predict the test part. The scratch folder is empty at the start, so the network gets 288
images to learn from, as was meant. The last line is JSON: the seconds of the fit's first epoch, of
each later one, without building the network and listing the folders, and of the whole script.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.peers.loops import copy_parts, look_at_sizes

_SIZE = (250, 250)


def main() -> None:
    """Run the whole script."""
    parser = argparse.ArgumentParser(description="The notebook as a script.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("scratch", type=Path)
    parser.add_argument("--epochs", type=int, default=14)
    parser.add_argument("--images", default="lfw-deepfunneled/lfw-deepfunneled")
    asked = parser.parse_args()
    begin = time.perf_counter()
    images = asked.folder / asked.images
    rows = list_images(asked.folder)
    look_at_sizes(images, rows["path"].tolist())
    copy_parts(images, _draw(rows), asked.scratch)
    seconds = _fit(asked.scratch, asked.epochs)
    whole = time.perf_counter() - begin
    print(json.dumps({"first": seconds[0], "later": seconds[1:], "script": whole}))


def list_images(folder: Path) -> pd.DataFrame:
    """Give a row an image."""
    people = pd.read_csv(folder / "lfw_allnames.csv")
    rows = people.loc[people.index.repeat(people["images"])].reset_index(drop=True)
    number = (rows.groupby("name").cumcount() + 1).map("{:04d}".format)
    rows["path"] = rows["name"] + "/" + rows["name"] + "_" + number + ".jpg"
    return rows


def _draw(rows: pd.DataFrame) -> dict[str, list[str]]:
    from sklearn.model_selection import train_test_split

    names = rows["name"].value_counts().index[:6]
    few = min(75, int(rows["name"].value_counts().iloc[5]))
    drawn = pd.concat([rows[rows["name"] == name].sample(few) for name in names])
    train, test = train_test_split(drawn, test_size=0.2)
    train, validation = train_test_split(train, test_size=0.2)
    parts = {"train": train, "validation": validation, "test": test}
    return {name: part["path"].tolist() for name, part in parts.items()}


def _fit(folder: Path, epochs: int) -> list[float]:
    """Fit and predict; give the seconds of each epoch, from where the fit begins."""
    import keras
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    def flow(augmented: Any, part: str) -> Any:
        return augmented.flow_from_directory(
            folder / part, target_size=_SIZE, batch_size=32, class_mode="categorical"
        )

    class Clock(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002
            ends.append(time.perf_counter())

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
            ends.append(time.perf_counter())

    ends: list[float] = []
    plain = ImageDataGenerator(rescale=1.0 / 255)
    changed = ImageDataGenerator(
        rescale=1.0 / 255, shear_range=0.2, zoom_range=0.2, horizontal_flip=True
    )
    model = _network()
    model.fit(
        flow(changed, "train"),
        epochs=epochs,
        validation_data=flow(plain, "validation"),
        callbacks=[Clock()],
        verbose=0,
    )
    model.predict(flow(plain, "test"), verbose=0)
    return [float(seconds) for seconds in np.diff(ends)]


def _network() -> Any:
    import keras

    model = keras.Sequential(
        [
            keras.Input((*_SIZE, 3)),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(6, activation="softmax"),
        ]
    )
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


if __name__ == "__main__":
    main()
