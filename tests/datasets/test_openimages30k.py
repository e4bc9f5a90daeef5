"""OpenImages30k: metadata of wsol2020, instance masks and ignore masks."""

import numpy as np
import pytest

from wsolbench.checks import check_dataset
from wsolbench.errors import DataError
from wsolbench.registry import DATASETS
from wsolbench.sample import Problem


def masks(tree, folder, split="test"):
    home, name = f"metadata/OpenImages/{split}", f"{split}/01226z/a.jpg"
    tree.text(f"{home}/image_ids.txt", name, f"{split}/0ph39/b.jpg")
    tree.text(f"{home}/class_labels.txt", f"{name},0", f"{split}/0ph39/b.jpg,99")
    tree.text(
        f"{home}/localization.txt",
        f"{name},{split}/01226z/a_m1.png,{split}/01226z/a_ignore.png",
        f"{name},{split}/01226z/a_m2.png,",
        f"{split}/0ph39/b.jpg,{split}/0ph39/absent.png,",
    )
    tree.image(f"OpenImages/{name}", (20, 10))
    tree.image(f"OpenImages/{split}/0ph39/b.jpg")
    first, second, ignore = (np.zeros((5, 10)) for _ in range(3))
    first[0, :3] = 127, 128, 255
    second[1, 1] = 255
    ignore[0:2, 2] = 255
    for path, mask in (("a_m1", first), ("a_m2", second), ("a_ignore", ignore)):
        tree.array(f"{folder}/{split}/01226z/{path}.png", mask)


def test_classes_are_named():
    classes = DATASETS["openimages30k"].classes
    assert len(classes) == len(set(classes)) == 100
    assert (classes[0], classes[3], classes[99]) == ("Football", "Bird", "Canoe")


@pytest.mark.parametrize("folder", ["OpenImages", "OpenImages/masks", "masks"])
def test_masks_are_united_in_their_own_frame(tree, folder):
    masks(tree, folder)
    loaded = tree.load("openimages30k")
    (sample,) = loaded.samples
    assert (sample.id, sample.labels, sample.instances) == ("test/01226z/a.jpg", (0,), ())
    assert sample.size_wh == (10, 5)  # the masks' size; the image file is a larger copy
    foreground, ignore = sample.masks.read(0)
    assert np.argwhere(foreground).tolist() == [[0, 1], [0, 2], [1, 1]]
    assert np.argwhere(ignore).tolist() == [[1, 2]]  # foreground comes before ignore
    assert loaded.problems == (Problem("test/0ph39/b.jpg", "no mask file test/0ph39/absent.png"),)


def test_conforms_in_the_frame_of_the_masks(tree):
    masks(tree, "OpenImages")
    assert check_dataset("openimages30k", tree.root) == []


def test_mask_of_another_size_than_the_first_is_resized(tree):
    masks(tree, "OpenImages")
    large = np.zeros((10, 20))
    large[4:6, 6:8] = 255
    tree.array("OpenImages/test/01226z/a_m2.png", large)
    (sample,) = tree.load("openimages30k").samples
    foreground, _ = sample.masks.read(0)
    assert foreground.shape == (5, 10)
    assert foreground[2, 3]
    assert foreground.sum() == 3


def test_training_images_have_labels_alone(tree):
    home = "metadata/OpenImages/train"
    tree.text(f"{home}/image_ids.txt", "train/01226z/a.jpg", "train/01226z/b.jpg")
    tree.text(f"{home}/class_labels.txt", "train/01226z/a.jpg,0", "train/01226z/b.jpg,100")
    for name in "ab":
        tree.image(f"dataset/OpenImages/train/01226z/{name}.jpg")
    loaded = tree.load("openimages30k", "train-weaksup")
    assert [(sample.labels, sample.masks) for sample in loaded.samples] == [((0,), None)]
    assert loaded.problems == (Problem("train/01226z/b.jpg", "the label 100 is not one of 0..99"),)


def test_root_without_metadata_or_images_is_named(tree):
    with pytest.raises(DataError, match="holds no wsol2020 metadata of OpenImages30k for test"):
        tree.load("openimages30k")
    tree.text("metadata/OpenImages/test/image_ids.txt", "test/01226z/a.jpg")
    tree.text("metadata/OpenImages/test/class_labels.txt", "test/01226z/a.jpg,0")
    with pytest.raises(DataError, match="folder of OpenImages30k images for test"):
        tree.load("openimages30k")
