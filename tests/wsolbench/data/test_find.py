"""Where data sets are looked for, and what counts as found."""

import dataclasses

import pytest
from reference.data_sets import dataset_of, sample_of, save_image

from wsolbench.data.find import card_of, find, load_splits, root_of, search_roots
from wsolbench.errors import DataError, OptionError, UnknownNameError
from wsolbench.registry import DATASETS
from wsolbench.sample import Problem


def only_below(folder, *, entries=None):
    """A data set that is there if the root is ``folder``."""
    sample = sample_of(save_image(folder / "1.png"))

    def read(root, split):
        if root != folder or split != "test":
            raise DataError(f"{root} holds no images")
        return iter([sample] if entries is None else entries)

    card = dataset_of({"train-weaksup": [], "test": []}, embedded=None)
    return dataclasses.replace(card, function=read)


def test_roots_are_the_one_given_the_variable_and_the_cache(tmp_path, monkeypatch):
    for name in ("given", "named", "cache/data"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.setenv("WSOLBENCH_DATA", str(tmp_path / "named"))
    monkeypatch.setenv("WSOLBENCH_CACHE", str(tmp_path / "cache"))
    expected = [tmp_path / name for name in ("given", "named", "cache/data")]
    assert list(search_roots(tmp_path / "given")) == expected
    assert list(search_roots(tmp_path / "named")) == expected[1:]
    monkeypatch.setenv("WSOLBENCH_DATA", str(tmp_path / "gone"))
    assert list(search_roots()) == expected[2:]
    with pytest.raises(DataError, match="expected a folder as --data-root"):
        search_roots(tmp_path / "gone")


@pytest.mark.parametrize("below", [".", "made"])
def test_found_in_a_root_or_in_a_folder_of_its_name(tmp_path, below):
    found = find(only_below(tmp_path / below), (tmp_path / "elsewhere", tmp_path))
    assert (found.root, found.split) == (tmp_path / below, "test")


def test_problems_alone_are_not_found(tmp_path):
    card = only_below(tmp_path, entries=[Problem("1", "no file")])
    assert find(card, (tmp_path,)) is None


def test_embedded_and_own_data_sets(tmp_path):
    assert find(DATASETS["digit-scenes"], ()).root is None
    save_image(tmp_path / "cat" / "1.png")
    assert find(DATASETS["folder"], (tmp_path,)) is None


def test_root_is_found_by_itself(tmp_path, monkeypatch):
    monkeypatch.setenv("WSOLBENCH_DATA", str(tmp_path))
    card = only_below(tmp_path)
    assert root_of(card, None) == tmp_path
    (tmp_path / "other").mkdir()
    assert root_of(card, tmp_path / "other") == tmp_path / "other"
    with pytest.raises(
        DataError, match=r"^expected a folder as data root of made, but there is no"
    ):
        root_of(card, tmp_path / "gone")
    monkeypatch.delenv("WSOLBENCH_DATA")
    with pytest.raises(DataError, match="made was not found on this machine: name its folder with"):
        root_of(card, None)


def test_splits_that_are_there(tmp_path):
    card = only_below(tmp_path)
    (split,), (missing,) = load_splits(card, tmp_path)
    assert split.name == "test"
    assert missing.startswith("train-weaksup is not there: ")
    with pytest.raises(UnknownNameError):
        load_splits(card, tmp_path, ["tset"])
    with pytest.raises(DataError, match=r"train-weaksup is not there: .*; test is not there: "):
        load_splits(card, tmp_path.parent)


def test_names_with_options():
    assert card_of("folder(origin=1)").given == {"origin": 1}
    with pytest.raises(OptionError, match="has no option 'x'"):
        card_of("folder(x=1)")
    with pytest.raises(UnknownNameError, match="Did you mean voc2012"):
        card_of("voc212")
