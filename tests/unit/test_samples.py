"""The sample pictures of the data sets are taken from the training images, a class each."""

import numpy as np

from glorot.experiments import EXPERIMENTS, reproduce
from glorot.experiments.data import Source
from glorot.results import load_record


def test_samples_are_training_images_with_their_labels_and_all_classes_come_before_any_again(
    tmp_path,
):
    record = reproduce("samples", "smoke", directory=tmp_path, checkpoint_directory=tmp_path / "s")
    images, labels = record.arrays["shapeset/images"], record.arrays["shapeset/labels"]
    assert images.shape == (12, 32, 32, 1)
    assert images.dtype == np.uint8
    assert sorted(labels[:9]) == list(range(9))
    train = Source("shapeset", 300).load().train
    pixels = np.rint(255 * train.images).astype(np.uint8)
    for image, label in zip(images, labels, strict=True):
        places = np.flatnonzero((pixels == image.reshape(-1)).all(axis=1))
        assert len(places) == 1
        assert train.labels[places[0]] == label


def test_the_books_samples_are_of_the_four_data_sets_and_small():
    record = load_record("samples")
    config = EXPERIMENTS["samples"].scales["laptop"]
    assert [row["dataset"] for row in record.results] == [s.name for s in config.sources]
    for row in record.results:
        assert record.arrays[f"{row['dataset']}/images"].shape == (config.count, *row["shape"])
        assert len(set(record.arrays[f"{row['dataset']}/labels"])) == config.count
    assert sum(a.nbytes for a in record.arrays.values()) < 100_000
