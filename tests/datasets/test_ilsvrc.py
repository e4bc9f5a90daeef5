"""ILSVRC and its animals: the official tree, and flat folders with wsol2020 metadata."""

import time

import pytest

from wsolbench.errors import DataError
from wsolbench.registry import DATASETS
from wsolbench.sample import Instance, Problem

TENCH, ABACUS = "n01440764", "n02666196"  # labels 0 and 398


def load(tree, split="test", name="ilsvrc"):
    return DATASETS[name].load(split, tree.root)


def ids(loaded):
    return [sample.id for sample in loaded.samples]


def test_classes_are_the_thousand_synsets_in_label_order():
    classes = DATASETS["ilsvrc"].classes
    assert len(classes) == len(set(classes)) == 1000
    assert (classes[0], classes[1], classes[999]) == ("tench", "goldfish", "toilet tissue")
    assert (classes[134], classes[517]) == ("crane (n02012849)", "crane (n03126707)")


def test_animals_are_the_first_398_labels_of_the_same_space():
    animals = DATASETS["ilsvrc-animals"]
    assert animals.classes == DATASETS["ilsvrc"].classes
    assert animals.labels == tuple(range(398))
    assert (animals.classes[397], animals.classes[398]) == ("puffer", "abacus")


@pytest.mark.parametrize(
    ("name", "train", "fullsup", "test"),
    [("ilsvrc", 1_281_167, 10_000, 50_000), ("ilsvrc-animals", 510_530, 3_980, 19_900)],
)
def test_expected_counts(name, train, fullsup, test):
    expected = {"train-weaksup": train, "train-fullsup": fullsup, "test": test}
    assert DATASETS[name].splits == expected


@pytest.fixture
def official(ilsvrc_tree):
    ilsvrc_tree.image("ILSVRC/Data/CLS-LOC/val/ILSVRC2012_val_00000002.JPEG", (40, 20))
    ilsvrc_tree.image("ILSVRC/Data/CLS-LOC/val/ILSVRC2012_val_00000001.JPEG")
    ilsvrc_tree.xml("val/ILSVRC2012_val_00000001.xml", [(ABACUS, (0, 0, 19, 9))])
    boxes = [(TENCH, (4, 3, 18, 9)), (TENCH, (0, 0, 1, 1))]
    ilsvrc_tree.xml("val/ILSVRC2012_val_00000002.xml", boxes)
    return ilsvrc_tree


class TestOfficialTree:
    def test_boxes_are_zero_based_in_the_official_frame(self, official):
        loaded = load(official)
        assert ids(loaded) == [
            "val/ILSVRC2012_val_00000001.JPEG",
            "val/ILSVRC2012_val_00000002.JPEG",
        ]
        second = loaded.samples[1]
        assert second.size_wh == (20, 10)  # of the XML; the file is a resized copy
        assert second.labels == (0,)
        assert second.instances == (
            Instance(0, (4.0, 3.0, 18.0, 9.0)),
            Instance(0, (0.0, 0.0, 1.0, 1.0)),
        )

    def test_animals_leave_out_the_rest(self, official):
        assert ids(load(official, name="ilsvrc-animals")) == ["val/ILSVRC2012_val_00000002.JPEG"]

    def test_root_may_be_the_ilsvrc_folder_itself(self, official):
        loaded = DATASETS["ilsvrc"].load("test", official.root / "ILSVRC")
        assert len(loaded.samples) == 2

    def test_images_may_lie_in_a_folder_per_class(self, official):
        official.image("ILSVRC/Data/CLS-LOC/val/n01440764/ILSVRC2012_val_00000003.JPEG")
        official.xml("val/ILSVRC2012_val_00000003.xml", [(TENCH, (1, 1, 2, 2))])
        assert ids(load(official))[-1] == "val/ILSVRC2012_val_00000003.JPEG"

    def test_faults_are_named(self, official):
        official.image("ILSVRC/Data/CLS-LOC/val/bare.JPEG")
        official.image("ILSVRC/Data/CLS-LOC/val/none.JPEG")
        official.image("ILSVRC/Data/CLS-LOC/val/odd.JPEG")
        official.image("ILSVRC/Data/CLS-LOC/val/._bare.JPEG")
        official.xml("val/lost.xml", [(TENCH, (1, 1, 2, 2))])
        official.xml("val/none.xml", [])
        official.xml("val/odd.xml", [("n00000000", (1, 1, 2, 2))])
        loaded = load(official)
        assert len(loaded.samples) == 2
        reasons = {problem.id: problem.reason for problem in loaded.problems}
        assert reasons.keys() == {
            "val/bare.JPEG",
            "val/lost.JPEG",
            "val/none.JPEG",
            "val/odd.JPEG",
        }
        assert reasons["val/bare.JPEG"] == "no annotation Annotations/CLS-LOC/val/bare.xml"
        assert reasons["val/lost.JPEG"] == "no image file val/lost.JPEG"
        assert "no object" in reasons["val/none.JPEG"]
        assert "unknown class 'n00000000'" in reasons["val/odd.JPEG"]

    def test_calibration_split_needs_the_metadata(self, official):
        with pytest.raises(DataError, match=r"annotations of ILSVRC for train-fullsup: looked for"):
            load(official, "train-fullsup")


class TestTrainingImages:
    def test_folder_tells_the_label_and_xml_brings_some_boxes(self, ilsvrc_tree):
        home = "ILSVRC/Data/CLS-LOC/train"
        for number in (1, 2, 3):
            ilsvrc_tree.image(f"{home}/{TENCH}/{TENCH}_{number}.JPEG")
        ilsvrc_tree.image(f"{home}/{ABACUS}/{ABACUS}_1.JPEG")
        boxes = [(TENCH, (1, 2, 3, 4)), (ABACUS, (1, 1, 2, 2))]
        ilsvrc_tree.xml(f"train/{TENCH}/{TENCH}_2.xml", boxes)
        ilsvrc_tree.xml(f"train/{TENCH}/{TENCH}_3.xml", [(TENCH, (5, 2, 3, 4))])
        loaded = load(ilsvrc_tree, "train-weaksup")
        assert [(sample.id, sample.labels, sample.size_wh) for sample in loaded.samples] == [
            (f"train/{TENCH}/{TENCH}_1.JPEG", (0,), None),
            (f"train/{TENCH}/{TENCH}_2.JPEG", (0,), (20, 10)),
            (f"train/{TENCH}/{TENCH}_3.JPEG", (0,), None),
            (f"train/{ABACUS}/{ABACUS}_1.JPEG", (398,), None),
        ]
        assert loaded.samples[1].instances == (Instance(0, (1.0, 2.0, 3.0, 4.0)),)
        assert len(loaded.problems) == 1 + 998  # a wrong box, and the classes without a folder
        assert loaded.problems[0].id == f"train/{TENCH}/{TENCH}_3.JPEG"
        assert "kept with its label alone" in loaded.problems[0].reason
        assert Problem("train/n01443537", "no image file of the class goldfish") in loaded.problems

    def test_animals_leave_out_the_rest(self, ilsvrc_tree):
        for wnid in (TENCH, ABACUS):
            ilsvrc_tree.image(f"ilsvrc/train/{wnid}/{wnid}_1.JPEG")
        loaded = load(ilsvrc_tree, "train-weaksup", "ilsvrc-animals")
        assert ids(loaded) == [f"train/{TENCH}/{TENCH}_1.JPEG"]
        assert len(loaded.problems) == 397


def described(tree, split="test", *, home="metadata/ILSVRC", images=("val/a.JPEG", "val/b.JPEG")):
    tree.metadata(
        split,
        home=home,
        image_ids=images,
        class_labels=[f"{image},{398 * number}" for number, image in enumerate(images)],
        image_sizes=[f"{image},200,100" for image in images],
        localization=[f"{image},0,0,199,99" for image in images],
    )


class TestMetadata:
    @pytest.mark.parametrize("home", ["metadata/ILSVRC", "wsolevaluation-metadata/ILSVRC"])
    @pytest.mark.parametrize(
        "images", ["dataset/ILSVRC", "ilsvrc", "ILSVRC", ".", "ILSVRC/Data/CLS-LOC"]
    )
    def test_layouts(self, ilsvrc_tree, home, images):
        described(ilsvrc_tree, home=home)
        ilsvrc_tree.image(f"{images}/val/a.JPEG")
        ilsvrc_tree.image(f"{images}/val/some folder/b.JPEG")
        loaded = load(ilsvrc_tree)
        assert ids(loaded) == ["val/a.JPEG", "val/b.JPEG"]
        assert loaded.samples[0].size_wh == (200, 100)  # official; the file is 20 x 10
        assert loaded.samples[1].instances == (Instance(398, (0.0, 0.0, 199.0, 99.0)),)

    def test_image_net_v2_keeps_its_folders(self, ilsvrc_tree):
        described(ilsvrc_tree, "val", images=("val2/0/0.jpeg", "val2/1/0.jpeg"))
        ilsvrc_tree.image("dataset/ILSVRC/val2/0/0.jpeg")
        ilsvrc_tree.image("dataset/ILSVRC/val2/1/0.jpeg")
        assert ids(load(ilsvrc_tree, "train-fullsup")) == ["val2/0/0.jpeg", "val2/1/0.jpeg"]
        assert ids(load(ilsvrc_tree, "train-fullsup", "ilsvrc-animals")) == ["val2/0/0.jpeg"]

    def test_listed_image_without_a_file_is_a_problem(self, ilsvrc_tree):
        described(ilsvrc_tree)
        ilsvrc_tree.image("ilsvrc/val/a.JPEG")
        loaded = load(ilsvrc_tree)
        assert ids(loaded) == ["val/a.JPEG"]
        assert loaded.problems == (Problem("val/b.JPEG", "no image file val/b.JPEG"),)
        assert load(ilsvrc_tree, name="ilsvrc-animals").problems == ()

    def test_wrong_metadata_of_an_image_is_a_problem(self, ilsvrc_tree):
        names = ("fine", "far", "minus", "nolabel")
        images = [f"val/{name}.JPEG" for name in names]
        labels = ["val/fine.JPEG,5", "val/far.JPEG,1000", "val/minus.JPEG,-1", "val/stray.JPEG,5"]
        ilsvrc_tree.metadata("test", image_ids=images, class_labels=labels)
        for image in images:
            ilsvrc_tree.image(f"ilsvrc/{image}")
        loaded = load(ilsvrc_tree, name="ilsvrc-animals")
        assert ids(loaded) == ["val/fine.JPEG"]
        assert loaded.problems == (
            Problem("val/far.JPEG", "the label 1000 is not one of 0..999"),
            Problem("val/minus.JPEG", "the label -1 is not one of 0..999"),
            Problem("val/nolabel.JPEG", "no label in class_labels.txt"),
            Problem("val/stray.JPEG", "annotated, but not listed in image_ids.txt"),
        )

    def test_folder_of_other_images_says_what_was_looked_for_and_found(self, ilsvrc_tree):
        described(ilsvrc_tree)
        ilsvrc_tree.image("ilsvrc/val/holiday.JPEG")
        with pytest.raises(
            DataError, match=r"looked for a\.JPEG and the like; found holiday\.JPEG"
        ):
            load(ilsvrc_tree)

    def test_metadata_without_images_says_where_they_would_be(self, ilsvrc_tree):
        described(ilsvrc_tree)
        with pytest.raises(DataError, match=r"looked for .* or ilsvrc/val or val; found metadata/"):
            load(ilsvrc_tree)


def test_empty_root_says_that_both_forms_were_looked_for(tmp_path):
    with pytest.raises(DataError) as error:
        DATASETS["ilsvrc"].load("test", tmp_path)
    assert "wsolevaluation-metadata/ILSVRC/test" in str(error.value)
    assert "ILSVRC/Annotations/CLS-LOC/val" in str(error.value)
    assert "found an empty folder" in str(error.value)


@pytest.mark.realdata
class TestRealSample:
    """1,380 real validation images; boxes checked by hand against the metadata file."""

    @pytest.mark.parametrize(
        ("name", "images", "published", "classes"),
        [("ilsvrc", 1_380, 50_000, 606), ("ilsvrc-animals", 711, 19_900, 266)],
    )
    def test_counts(self, wsolbench_data, name, images, published, classes):
        loaded = DATASETS[name].load("test", wsolbench_data)
        assert len(loaded.samples) == images
        assert len(loaded.samples) + len(loaded.problems) == published == loaded.expected_images
        assert all(problem.reason.startswith("no image file") for problem in loaded.problems)
        assert len({sample.labels for sample in loaded.samples}) == classes

    def test_one_image(self, wsolbench_data):
        sample = DATASETS["ilsvrc"].load("test", wsolbench_data).samples[0]
        assert sample.id == "val/ILSVRC2012_val_00000028.JPEG"
        assert sample.size_wh == (500, 454)
        assert sample.instances == (Instance(167, (35.0, 31.0, 498.0, 452.0)),)

    def test_fifty_thousand_ids_load_in_seconds(self, wsolbench_data):
        started = time.process_time()
        DATASETS["ilsvrc"].load("test", wsolbench_data)
        assert time.process_time() - started < 5  # 0.5 s on an idle core

    @pytest.mark.parametrize("split", ["train-weaksup", "train-fullsup"])
    def test_split_without_images_is_refused(self, wsolbench_data, split):
        with pytest.raises(DataError, match=rf"for {split}: looked for .*; found .*ilsvrc/"):
            DATASETS["ilsvrc"].load(split, wsolbench_data)
