"""Oxford-IIIT Pets and Stanford Dogs."""

import numpy as np
import pytest

from wsolbench.checks import check_dataset
from wsolbench.errors import DataError, OptionError
from wsolbench.registry import DATASETS
from wsolbench.sample import Instance, Problem

TRIMAP = np.full((10, 20), 2)
TRIMAP[2:7, 5:12], TRIMAP[3:6, 6:11] = 3, 1


class TestPets:
    def pets(self, tree, *rows, part="test", home="oxford-pets"):
        tree.text(f"{home}/annotations/{part}.txt", "#Image CLASS-ID SPECIES BREED ID", *rows)
        for row in rows:
            name = row.split()[0]
            tree.image(f"{home}/images/{name}.jpg")
            tree.array(f"{home}/annotations/trimaps/{name}.png", TRIMAP)

    @pytest.mark.parametrize("home", ["oxford-pets", "oxford-iiit-pet", "."])
    def test_trimaps_give_masks_and_boxes(self, tree, home):
        self.pets(tree, "Abyssinian_1 1 1 1", "yorkshire_terrier_9 37 2 25", home=home)
        first, second = tree.load("oxford-pets").samples
        assert (first.id, first.size_wh, first.labels) == ("Abyssinian_1.jpg", (20, 10), (0,))
        assert first.instances == (Instance(0, (6.0, 3.0, 10.0, 5.0)),)
        foreground, ignore = first.masks.read(0)
        assert (foreground.sum(), ignore.sum()) == (15, 35 - 15)
        assert second.labels == (36,)
        assert check_dataset("oxford-pets", tree.root) == []

    def test_boxes_may_be_heads_or_none(self, tree):
        self.pets(tree, "Abyssinian_1 1 1 1", "Abyssinian_2 1 1 1")
        box = [("cat", (6, 3, 8, 4))]
        tree.xml("oxford-pets/annotations/xmls/Abyssinian_1.xml", box)
        first, second = tree.load("oxford-pets", boxes="head").samples
        assert (first.instances, second.instances) == ((Instance(0, (5.0, 2.0, 7.0, 3.0)),), ())
        assert tree.load("oxford-pets", boxes="none").samples[0].instances == ()
        with pytest.raises(OptionError, match="expected boxes=trimap, head or none"):
            tree.load("oxford-pets", boxes="tail")

    def test_trimap_without_animal_gives_no_box(self, tree):
        self.pets(tree, "Abyssinian_1 1 1 1")
        tree.array("oxford-pets/annotations/trimaps/Abyssinian_1.png", np.full((10, 20), 2))
        assert tree.load("oxford-pets").samples[0].instances == ()

    def test_calibration_is_the_last_ten_of_each_breed(self, tree):
        rows = [f"pug_{n} 26 2 18" for n in range(12)] + ["beagle_1 5 2 4"]
        self.pets(tree, *rows, part="trainval")
        assert len(tree.load("oxford-pets", "train-weaksup").samples) == 13
        found = tree.load("oxford-pets", "train-fullsup").samples
        assert [s.id for s in found] == [f"pug_{n}.jpg" for n in range(2, 12)] + ["beagle_1.jpg"]

    def test_what_is_missing_is_named(self, tree):
        self.pets(tree, "a_1 1 1 1", "b_1 38 1 1", "c_1 2 1 1", "d_1 3 1 1")
        (tree.root / "oxford-pets/images/a_1.jpg").unlink()
        (tree.root / "oxford-pets/annotations/trimaps/c_1.png").unlink()
        assert tree.load("oxford-pets").problems == (
            Problem("a_1.jpg", "no image file images/a_1.jpg"),
            Problem("b_1.jpg", "expected a class of 1..37, but got 38"),
            Problem("c_1.jpg", "no trimap annotations/trimaps/c_1.png"),
        )
        with pytest.raises(DataError, match=r"looked for trainval\.txt"):
            tree.load("oxford-pets", "train-weaksup")
        tree.text("oxford-pets/annotations/test.txt", "a_1 one 1 1")
        with pytest.raises(DataError, match="expected lines 'name class-id"):
            tree.load("oxford-pets")


CHIHUAHUA, HUNTING_DOG = "n02085620-Chihuahua", "n02116738-African_hunting_dog"


class TestDogs:
    def dogs(self, tree, rows, part="test", home="stanford-dogs", lists=""):
        """Rows: file and label, counted from 1."""
        files = np.array([[name] for name, _ in rows], dtype=object)
        labels = [[label] for _, label in rows]
        tree.mat(f"{home}/{lists}{part}_list.mat", file_list=files, labels=labels)
        for name, _ in rows:
            tree.image(f"{home}/Images/{name}")
            tree.xml(f"{home}/Annotation/{name[:-4]}", [("any name", (2, 1, 7, 4))])

    def test_classes_are_those_of_the_folders(self):
        classes = DATASETS["stanford-dogs"].classes
        assert len(classes) == len(set(classes)) == 120
        assert (classes[0], classes[99], classes[119]) == (
            "Chihuahua",
            "Siberian husky",
            "African hunting dog",
        )
        assert "dalmatian" not in classes

    @pytest.mark.parametrize(("home", "lists"), [("stanford-dogs", ""), (".", "lists/")])
    def test_official_lists(self, tree, home, lists):
        rows = [(f"{HUNTING_DOG}/n02116738_2.jpg", 120), (f"{CHIHUAHUA}/n02085620_1.jpg", 1)]
        self.dogs(tree, rows, home=home, lists=lists)
        first, second = tree.load("stanford-dogs").samples
        assert (first.id, first.labels, first.size_wh) == (rows[0][0], (119,), (20, 10))
        assert second.instances == (Instance(0, (2.0, 1.0, 7.0, 4.0)),)
        assert check_dataset("stanford-dogs", tree.root) == []

    def test_calibration_is_the_last_ten_of_each_breed(self, tree):
        rows = [(f"{CHIHUAHUA}/n02085620_{n}.jpg", 1) for n in range(11)]
        self.dogs(tree, rows, part="train")
        assert len(tree.load("stanford-dogs", "train-weaksup").samples) == 11
        assert len(tree.load("stanford-dogs", "train-fullsup").samples) == 10

    def test_what_is_missing_or_wrong_is_named(self, tree):
        names = [f"{CHIHUAHUA}/n02085620_{n}.jpg" for n in range(5)]
        self.dogs(tree, list(zip(names, (1, 1, 2, 121, 1), strict=True)))
        (tree.root / "stanford-dogs/Images" / names[0]).unlink()
        (tree.root / "stanford-dogs/Annotation" / names[1][:-4]).unlink()
        assert tree.load("stanford-dogs").problems == (
            Problem(names[0], f"no image file Images/{names[0]}"),
            Problem(names[1], f"no annotation Annotation/{names[1][:-4]}"),
            Problem(names[2], "expected an image of n02085782 for label 2"),
            Problem(names[3], "expected a label of 1..120, but got 121"),
        )
