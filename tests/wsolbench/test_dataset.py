"""What a data set is."""

import dataclasses
from pathlib import Path

import platformdirs
import pytest

from wsolbench.checks import check_dataset_card
from wsolbench.dataset import Dataset, cache_folder, find_folder
from wsolbench.errors import DataError, OptionError, UnknownNameError
from wsolbench.sample import Problem, Sample

SAMPLE = Sample("a", Path("a.jpg"), (2, 2), (0,))
PROBLEM = Problem("b", "torn")


def dataset_of(*entries, **card):
    facts = {
        "name": "mine",
        "function": lambda *_: iter(entries),
        "title": "Mine",
        "classes": ("cat",),
        "splits": {"train-weaksup": 3, "test": None},
        "annotations": ("labels",),
        "licence": "CC0",
        "citation": "@misc{me}",
        "homepage": "https://example.org",
        "layout": "DIR holds pictures.",
    }
    return Dataset(**(facts | card))


def test_samples_and_problems_are_told_apart(tmp_path):
    loaded = dataset_of(PROBLEM, SAMPLE).load("train-weaksup", tmp_path)
    assert (loaded.dataset, loaded.name) == ("mine", "train-weaksup")
    assert (loaded.samples, loaded.problems) == ((SAMPLE,), (PROBLEM,))
    assert loaded.expected_images == 3
    assert dataset_of(SAMPLE).load("test", tmp_path).expected_images is None


def test_a_card_of_ones_own_needs_no_papers(tmp_path):
    card = Dataset("mine", lambda *_: iter([SAMPLE]), "Mine", ("cat",), {"test": 1}, ("labels",))
    assert card.load("test", tmp_path).samples == (SAMPLE,)
    with pytest.raises(DataError, match=r"needs --data-root DIR, a folder that holds it\.$"):
        card.load("test")
    missing = ("licence", "citation", "homepage", "layout")
    assert check_dataset_card(card) == [f"the card's {name} is empty" for name in missing]


def test_options_may_change_the_counts(tmp_path):
    def counts(*, part, boxes):
        return {"test": 10 * part if boxes == "all" else None}

    card = dataset_of(function=read_with_options, splits={"test": 10}, counts=counts)
    assert card.with_options({"part": 2}).splits == {"test": 20}
    assert card.with_options({"part": 2}).with_options({"boxes": "none"}).splits == {"test": None}
    assert card.splits == {"test": 10}


def test_reader_gets_root_and_split(tmp_path):
    seen = []

    def read(root, split):
        seen.append((root, split))
        yield SAMPLE

    dataset_of(function=read).load("test", tmp_path)
    assert seen == [(tmp_path, "test")]


def test_unknown_split_is_refused(tmp_path):
    with pytest.raises(UnknownNameError, match=r"split of mine 'tset'\. Did you mean test"):
        dataset_of(SAMPLE).load("tset", tmp_path)


def test_root_is_needed_unless_embedded(tmp_path):
    with pytest.raises(DataError, match=r"mine needs --data-root DIR.*DIR holds pictures"):
        dataset_of(SAMPLE).load("test")
    embedded = dataset_of(SAMPLE, embedded=lambda _: tmp_path)
    assert embedded.load("test").samples == (SAMPLE,)


def test_root_must_be_a_folder(tmp_path):
    with pytest.raises(DataError, match="expected a folder as data root of mine"):
        dataset_of(SAMPLE).load("test", tmp_path / "absent")


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ((), "no usable image of mine test: 0 problems"),
        ((PROBLEM, PROBLEM), "2 problems; the first: b: torn"),
    ],
)
def test_split_without_samples_is_refused(tmp_path, entries, message):
    with pytest.raises(DataError, match=message):
        dataset_of(*entries).load("test", tmp_path)


def test_first_folder_that_exists_is_found(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "c").mkdir()
    assert find_folder(tmp_path, ("a", "b", "c"), what="thing") == tmp_path / "b"
    assert find_folder(tmp_path, ("a", "."), what="thing") == tmp_path


def test_folder_that_is_not_there_says_what_is(tmp_path):
    for number in range(10):
        (tmp_path / f"file{number}.txt").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError) as error:
        find_folder(tmp_path, ("a", "b"), what="thing")
    assert str(error.value).startswith(
        f"{tmp_path} holds no thing: looked for a or b; found file0.txt"
    )
    assert str(error.value).endswith("file7.txt and 3 more")


def test_cache_folder_is_the_users_unless_chosen(monkeypatch, tmp_path):
    monkeypatch.setenv("WSOLBENCH_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("WSOLBENCH_CACHE")
    assert cache_folder() == platformdirs.user_cache_path("wsolbench")


def read_with_options(_root, _split, *, part=1, boxes="all"):
    yield Sample(f"{part} {boxes}", Path("a.jpg"), (2, 2), (0,))


def test_options_are_the_keyword_only_parameters_of_the_reader(tmp_path):
    card = dataset_of(function=read_with_options)
    assert card.options == {"part": 1, "boxes": "all"}
    chosen = card.with_options({"part": 2})
    assert chosen.load("test", tmp_path).samples[0].id == "2 all"
    assert (str(chosen.spec), str(card.spec)) == ("mine(part=2)", "mine")
    assert str(chosen.with_options({"part": 1, "boxes": "none"}).spec) == "mine(boxes=none)"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"parts": 2}, "data set mine has no option 'parts'; options: part, boxes"),
        ({"part": "2"}, "expected option part of data set mine to be of type int"),
        ({"part": True}, "to be of type int, as its default 1, but got True"),
    ],
)
def test_wrong_options_are_refused(options, reason):
    with pytest.raises(OptionError, match=reason):
        dataset_of(function=read_with_options).with_options(options)


def test_card_binds_to_what_only_the_data_tell(tmp_path):
    def binder(card, root, *, part, boxes):
        return dataclasses.replace(card, classes=(root.name, str(part), boxes))

    card = dataset_of(function=read_with_options, classes=(), binder=binder)
    bound = card.with_options({"part": 3}).bind(tmp_path)
    assert bound.classes == (tmp_path.name, "3", "all")
    assert bound.load("test", tmp_path).samples[0].id == "3 all"
    with pytest.raises(DataError, match="needs --data-root"):
        card.bind()
    told_already = dataset_of(SAMPLE)
    assert told_already.bind() is told_already


def test_root_may_be_a_file_where_the_card_says_so(tmp_path):
    (tmp_path / "list.txt").touch()
    card = dataset_of(SAMPLE, file_root=True)
    assert card.load("test", tmp_path / "list.txt").samples == (SAMPLE,)
    with pytest.raises(DataError, match="expected a folder as data root of mine"):
        dataset_of(SAMPLE).load("test", tmp_path / "list.txt")
    with pytest.raises(DataError, match="expected a folder or file as data root of mine"):
        card.load("test", tmp_path / "nowhere")


def test_card_tells_what_can_be_scored():
    card = dataset_of(annotations=("labels", "masks"))
    assert (card.has_boxes, card.has_masks) == (False, True)
