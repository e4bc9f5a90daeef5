"""Data sets that say what is shown, not where: CIFAR-10, FGVCx Fungi, houses; and SVT's words."""

import os
import pickle

import numpy as np
import pytest
from PIL import Image

from wsolbench.checks import check_dataset
from wsolbench.errors import DataError, OptionError
from wsolbench.registry import DATASETS
from wsolbench.sample import Instance, Problem


@pytest.mark.parametrize("name", ["cifar10", "fgvcx-fungi", "houses"])
def test_cards_say_that_there_is_nothing_to_localize(name):
    card = DATASETS[name]
    assert card.annotations == ("labels",)
    assert not card.has_boxes
    assert not card.has_masks


class TestCifar10:
    PIXELS = np.arange(2 * 3072).reshape(2, 3072).astype(np.uint8)

    @pytest.fixture(autouse=True)
    def cache(self, tmp_path_factory, monkeypatch):
        folder = tmp_path_factory.mktemp("cache")
        monkeypatch.setenv("WSOLBENCH_CACHE", str(folder))
        return folder

    def pickled(self, tree, name="test_batch", protocol=2, **content):
        batch = {b"data": self.PIXELS, b"labels": [3, 9], **content}
        path = tree.root / "cifar-10-batches-py" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(pickle.dumps(batch, protocol=protocol))

    def check(self, loaded):
        first, second = loaded.samples
        assert (first.id, first.labels, second.labels) == ("test_batch/00000.png", (3,), (9,))
        assert first.size_wh == (32, 32)
        pixels = np.array(Image.open(second.path))
        assert np.array_equal(pixels, self.PIXELS[1].reshape(3, 32, 32).transpose(1, 2, 0))

    @pytest.mark.parametrize("protocol", [2, 4])
    def test_python_version(self, tree, protocol):
        self.pickled(tree, protocol=protocol)
        self.check(tree.load("cifar10"))
        assert check_dataset("cifar10", tree.root) == []

    def test_pickle_of_old_numpy_under_python_2(self, tree):
        self.pickled(tree, protocol=2)
        path = tree.root / "cifar-10-batches-py/test_batch"
        content = path.read_bytes().replace(b"numpy._core.", b"numpy.core.")
        path.write_bytes(content)
        self.check(tree.load("cifar10"))

    def test_binary_version(self, tree):
        rows = np.concatenate([np.array([[3], [9]], dtype=np.uint8), self.PIXELS], axis=1)
        (tree.root / "test_batch.bin").write_bytes(rows.tobytes())
        self.check(tree.load("cifar10"))

    def test_training_set_is_five_batches(self, tree):
        for number in range(1, 6):
            self.pickled(tree, f"data_batch_{number}")
        assert len(tree.load("cifar10", "train-weaksup").samples) == 10

    def test_images_are_written_once(self, tree, cache):
        self.pickled(tree)
        (first, _) = tree.load("cifar10").samples
        written = first.path.stat().st_mtime_ns
        assert tree.load("cifar10").samples[0].path.stat().st_mtime_ns == written
        assert [path.name[:11] for path in (cache / "cifar10").iterdir()] == ["test_batch-"]

    def test_pickle_that_would_run_code_is_refused(self, tree, tmp_path):
        class Attack:
            def __reduce__(self):
                return os.mkdir, (str(tmp_path / "attacked"),)

        self.pickled(tree, more=Attack())
        with pytest.raises(DataError, match=r"refused to make posix\.mkdir"):
            tree.load("cifar10")
        assert not (tmp_path / "attacked").exists()

    def test_damaged_files_are_refused(self, tree):
        with pytest.raises(DataError, match="holds no batch of CIFAR-10"):
            tree.load("cifar10")
        self.pickled(tree, data=1)
        path = tree.root / "cifar-10-batches-py/test_batch"
        path.write_bytes(path.read_bytes()[:99])
        with pytest.raises(DataError, match="is no batch of CIFAR-10"):
            tree.load("cifar10")
        path.unlink()
        (tree.root / "test_batch.bin").write_bytes(b"short")
        with pytest.raises(DataError, match="expected records of 3073 bytes"):
            tree.load("cifar10")

    def test_label_out_of_range_is_a_problem(self, tree):
        batch = {b"data": self.PIXELS, b"labels": [3, 10]}
        path = tree.root / "test_batch"
        path.write_bytes(pickle.dumps(batch))
        assert tree.load("cifar10").problems == (
            Problem("test_batch/00001.png", "the label 10 is not one of 0..9"),
        )


class TestFungi:
    def fungi(self, tree, home=""):
        """Species 5 has three images to train on, 2 and 9 two, 7 one."""
        species = [5, 9, 9, 5, 7, 2, 2, 5]
        for part, numbers in (("train", species), ("val", [7, 9])):
            images = [{"id": n, "file_name": f"images/{part} {n}.jpg"} for n in range(len(numbers))]
            content = {
                "images": images,
                "categories": [{"id": n, "name": f"species {n}"} for n in (9, 7, 5, 2)],
                "annotations": [
                    {"id": n, "image_id": n, "category_id": one} for n, one in enumerate(numbers)
                ],
            }
            tree.json(f"{home}{part}.json", content)
            for image in images:
                tree.image(f"{home}{image['file_name']}")

    @pytest.mark.parametrize("home", ["", "fgvcx-fungi/"])
    def test_most_frequent_species_of_the_training_set(self, tree, home):
        self.fungi(tree, home)
        card = DATASETS["fgvcx-fungi"].with_options({"classes": 2})
        # 2 and 9 have as many images: the smaller id comes first
        assert card.bind(tree.root).classes == ("species 2", "species 5")
        found = card.load("train-weaksup", tree.root).samples
        assert [sample.labels for sample in found] == [(1,), (1,), (0,), (0,), (1,)]
        card = card.with_options({"classes": 3})
        assert card.bind(tree.root).classes == ("species 2", "species 5", "species 9")
        (sample,) = card.load("test", tree.root).samples
        assert (sample.id, sample.labels) == ("images/val 1.jpg", (2,))
        assert check_dataset(card, tree.root) == []

    def test_what_is_missing_is_named(self, tree):
        card = DATASETS["fgvcx-fungi"]
        with pytest.raises(DataError, match=r"looked for train\.json"):
            card.bind(tree.root)
        self.fungi(tree)
        with pytest.raises(DataError, match="expected at least 50 species"):
            card.bind(tree.root)
        with pytest.raises(OptionError, match="expected classes=1 or more"):
            card.with_options({"classes": 0}).bind(tree.root)
        (tree.root / "images/val 1.jpg").unlink()
        loaded = card.with_options({"classes": 4}).load("test", tree.root)
        assert loaded.problems == (Problem("images/val 1.jpg", "no image file images/val 1.jpg"),)


class TestHouses:
    @pytest.mark.parametrize("home", ["Houses-dataset/Houses Dataset", "houses", "."])
    def test_every_fifth_house_is_for_testing(self, tree, home):
        for number in (4, 5, 10):
            for room in ("bathroom", "frontal"):
                tree.image(f"{home}/{number}_{room}.jpg")
        tree.text(f"{home}/HousesInfo.txt", "4 4 4053 85255 869500")
        tree.image(f"{home}/cover.jpg")
        names = [sample.id for sample in tree.load("houses").samples]
        assert names == ["5_bathroom.jpg", "5_frontal.jpg", "10_bathroom.jpg", "10_frontal.jpg"]
        assert len(tree.load("houses", "train-weaksup").samples) == 2
        assert {sample.labels for sample in tree.load("houses").samples} == {(0,)}
        assert check_dataset("houses", tree.root) == []

    def test_root_without_pictures_is_named(self, tree):
        with pytest.raises(DataError, match="holds no picture of the houses"):
            tree.load("houses")


def word(x, y, width, height, tag="CAFE"):
    return (
        f'<taggedRectangle height="{height}" width="{width}" x="{x}" y="{y}">'
        f"<tag>{tag}</tag></taggedRectangle>"
    )


class TestStreetViewText:
    def svt(self, tree, *images, part="test", home="svt1"):
        """Images: name and words."""
        entries = "".join(
            f"<image><imageName>img/{name}</imageName><lex>CAFE,INN</lex>"
            f'<Resolution x="20" y="10"/><taggedRectangles>{words}</taggedRectangles></image>'
            for name, words in images
        )
        tree.text(f"{home}/{part}.xml", f"<tagset>{entries}</tagset>")
        for name, _ in images:
            tree.image(f"{home}/img/{name}")

    @pytest.mark.parametrize("home", ["svt1", "svt/svt1", "."])
    def test_words_are_boxes(self, tree, home):
        self.svt(tree, ("a.jpg", word(2, 1, 5, 3) + word(0, 0, 20, 10)), home=home)
        (sample,) = tree.load("svt").samples
        assert (sample.id, sample.size_wh, sample.labels) == ("img/a.jpg", (20, 10), (1,))
        assert sample.instances == (Instance(1, (2, 1, 6, 3)), Instance(1, (0, 0, 19, 9)))
        assert check_dataset("svt", tree.root) == []

    def test_word_that_cannot_be_used_is_left_out(self, tree):
        words = word(2, 1, 0, 3, "NIL") + word(2, 1, "x", 3, "X") + word(30, 1, 2, 3, "OUT")
        self.svt(tree, ("a.jpg", words + word(2, 1, 5, 3)))
        loaded = tree.load("svt")
        assert len(loaded.samples[0].instances) == 1
        nil, not_a_number, outside = (problem.reason for problem in loaded.problems)
        assert nil == "the word 'NIL' left out: the box is 0 x 3 pixels"
        assert not_a_number.endswith("expected a number as width, but got 'x'")
        assert "reaches outside of the image" in outside

    def test_houses_are_the_class_without_text(self, tree):
        self.svt(tree, ("a.jpg", word(2, 1, 5, 3)))
        tree.image("Houses Dataset/5_frontal.jpg")
        assert len(tree.load("svt").samples) == 1
        text, no_text = tree.load("svt", houses=True).samples
        assert (text.labels, no_text.labels) == ((1,), (0,))
        assert no_text.id == "houses/5_frontal.jpg"

    def test_what_is_missing_or_unsafe_is_named(self, tree):
        with pytest.raises(DataError, match=r"looked for svt1/test\.xml"):
            tree.load("svt")
        self.svt(tree, ("a.jpg", ""), ("b.jpg", ""))
        (tree.root / "svt1/img/a.jpg").unlink()
        assert tree.load("svt").problems == (Problem("img/a.jpg", "no image file img/a.jpg"),)
        entity = '<!DOCTYPE tagset [<!ENTITY a "ha">]><tagset>&a;</tagset>'
        tree.text("svt1/test.xml", entity)
        with pytest.raises(DataError, match="refused as unsafe"):
            tree.load("svt")
        tree.text("svt1/test.xml", "<tagset>")
        with pytest.raises(DataError, match="cannot be read"):
            tree.load("svt")
