"""Oxford Flowers-17 and Flowers-102."""

import numpy as np
import pytest

from wsolbench.checks import check_dataset
from wsolbench.errors import DataError, OptionError
from wsolbench.registry import DATASETS
from wsolbench.sample import Problem


def picture(colours):
    """``[2, 3, 3]`` pixels of six colours, one for each letter."""
    table = {"r": (128, 0, 0), "b": (0, 0, 128), "k": (0, 0, 0), "B": (3, 0, 250), "p": (90, 40, 9)}
    return np.array([table[letter] for letter in colours]).reshape(2, 3, 3)


class TestFlowers17:
    def test_labels_follow_the_file_order(self, tree):
        for number in (61, 80, 141, 1360):
            tree.image(f"flowers17/jpg/image_{number:04d}.jpg")
        loaded = tree.load("flowers17")
        assert [(s.id, s.labels) for s in loaded.samples] == [
            ("image_0061.jpg", (0,)),
            ("image_0080.jpg", (0,)),
            ("image_0141.jpg", (1,)),
            ("image_1360.jpg", (16,)),
        ]
        assert len(loaded.problems) == 340 - 4
        assert loaded.problems[0] == Problem("image_0062.jpg", "no image file jpg/image_0062.jpg")

    @pytest.mark.parametrize(
        ("split", "part", "numbers"),
        [
            ("train-weaksup", 1, [1, 1360]),
            ("train-fullsup", 1, [2]),
            ("test", 1, [3]),
            ("test", 3, [7]),
        ],
    )
    def test_official_splits(self, tree, split, part, numbers):
        for number in (1, 2, 3, 7, 1360):
            tree.image(f"jpg/image_{number:04d}.jpg")
        tree.mat("datasplits.mat", trn1=[1360, 1], val1=[2], tst1=[3], trn3=[1], tst3=[7])
        found = tree.load("flowers17", split, part=part).samples
        assert [sample.id for sample in found] == [f"image_{n:04d}.jpg" for n in numbers]

    def test_trimaps(self, tree):
        tree.image("jpg/image_0061.jpg", (6, 4))
        tree.array("trimaps/image_0061.png", picture("rrbkbr"))
        (sample,) = tree.load("flowers17").samples
        assert sample.size_wh == (3, 2)  # the trimap's; the image is a larger copy
        foreground, ignore = sample.masks.read(0)
        assert foreground.tolist() == [[True, True, False], [False, False, True]]
        assert ignore.tolist() == [[False, False, False], [True, False, False]]
        assert not sample.masks.read(1)[0].any()

    def test_wrong_splits_are_refused(self, tree):
        tree.image("jpg/image_0061.jpg")
        with pytest.raises(OptionError, match="expected part=1, 2 or 3"):
            tree.load("flowers17", part=4)
        with pytest.raises(DataError, match=r"part=2 needs .*datasplits\.mat"):
            tree.load("flowers17", part=2)
        tree.mat("datasplits.mat", tst1=[0, 3])
        with pytest.raises(DataError, match=r"expected numbers of 1\.\.1360 .* got 0\.\.3"):
            tree.load("flowers17")
        with pytest.raises(DataError, match="holds no variable 'val1'"):
            tree.load("flowers17", "train-fullsup")
        tree.text("datasplits.mat", "no MATLAB")
        with pytest.raises(DataError, match="cannot be read as MATLAB file"):
            tree.load("flowers17")

    @pytest.mark.realdata
    def test_real_sample(self, wsolbench_data):
        seen = {}
        for split, count in (("train-weaksup", 680), ("train-fullsup", 340), ("test", 340)):
            loaded = DATASETS["flowers17"].load(split, wsolbench_data)
            assert (len(loaded.samples), loaded.problems) == (count, ())
            assert loaded.expected_images == count
            seen |= {sample.id: sample.labels for sample in loaded.samples}
        assert len(seen) == 1360
        assert seen["image_0721.jpg"] == (9,)  # the first sunflower


class TestFlowers102:
    def flowers(self, tree, **sets):
        tree.mat("flowers102/imagelabels.mat", labels=[77, 1, 102, 103])
        tree.mat("flowers102/setid.mat", **{"trnid": [1], "valid": [2], "tstid": [3, 2], **sets})
        for number in (1, 2, 3, 4):
            tree.image(f"flowers102/jpg/image_{number:05d}.jpg", (3, 2))

    def test_official_splits_and_labels(self, tree):
        self.flowers(tree)
        found = tree.load("flowers102").samples
        assert [(s.id, s.labels, s.size_wh) for s in found] == [
            ("image_00002.jpg", (0,), None),
            ("image_00003.jpg", (101,), None),
        ]
        (sample,) = tree.load("flowers102", "train-weaksup").samples
        assert DATASETS["flowers102"].classes[sample.labels[0]] == "passion flower"

    def test_background_is_blue(self, tree):
        self.flowers(tree)
        tree.array("flowers102/segmim/segmim_00003.jpg", picture("BpBpbk"))
        sample = tree.load("flowers102").samples[1]
        foreground, ignore = sample.masks.read(101)
        assert foreground.tolist() == [[False, True, False], [True, True, True]]
        assert not ignore.any()
        assert check_dataset("flowers102", tree.root) == []

    def test_wrong_files_are_named(self, tree):
        self.flowers(tree, tstid=[2, 4])
        loaded = tree.load("flowers102")
        assert loaded.problems == (
            Problem("image_00004.jpg", "expected a label of 1..102, but got 103"),
        )
        self.flowers(tree, tstid=[5])
        with pytest.raises(DataError, match=r"image 5, which imagelabels\.mat has no label of"):
            tree.load("flowers102")
        (tree.root / "flowers102/setid.mat").unlink()
        with pytest.raises(DataError, match=r"setid\.mat cannot be read"):
            tree.load("flowers102")
