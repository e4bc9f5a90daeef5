"""OpenImages30k of the wsol2020 protocol: 100 classes with instance and ignore masks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from wsolbench.dataset import TEST, TRAIN_FULLSUP, TRAIN_WEAKSUP, find_folder, not_found
from wsolbench.errors import SampleError
from wsolbench.masks import GreyMasks
from wsolbench.registry import DATASETS
from wsolbench.sample import Problem, Sample

from ._described import metadata_homes, read_described
from ._files import IMAGE_SUFFIXES, files_below, first_folder
from ._sizes import size_of
from ._wsol2020 import read_metadata

_IMAGE_HOMES = ("dataset/OpenImages", "OpenImages", "openimages30k", "OpenImages30k", ".")
_FOLDERS = {TRAIN_WEAKSUP: "train", TRAIN_FULLSUP: "val", TEST: "test"}
_CLASSES = (
    "Football", "Toy", "Apple", "Bird", "Ball", "Surfboard", "Boot", "Shorts", "Bus", "Boy",
    "Bicycle wheel", "Dress", "Person", "Swimwear", "Balloon", "Vehicle registration plate",
    "Limousine", "Carnivore", "Computer keyboard", "Shirt", "Cheese", "Cattle", "Suit", "Cat",
    "Bronze sculpture", "Cookie", "Coin", "Box", "Drink", "Human mouth", "Hat", "Human body",
    "Roller skates", "Tart", "Fox", "Flag", "Guitar", "Human ear", "Woman", "Door handle", "Goat",
    "Horse", "Motorcycle", "Bottle", "Lizard", "Man", "Mobile phone", "Mushroom",
    "Chest of drawers", "Piano", "Girl", "Penguin", "Pizza", "Pig", "Skateboard", "Raven",
    "High heels", "Rose", "Rabbit", "Sculpture", "Squirrel", "Snake", "Skyscraper", "Tank",
    "Tomato", "Train", "Trousers", "Truck", "Handbag", "Wine", "Wheel", "Monkey", "Lion", "Bread",
    "Chicken", "Crocodile", "Clothing", "Lemon", "Frog", "Dog", "Book", "Shark", "Flower",
    "Hamburger", "Fish", "Airplane", "Mule", "Camera", "Jeans", "Flowerpot", "Cake", "Parrot",
    "Sparrow", "Van", "Pastry", "Pen", "Car", "Aircraft", "Sandwich", "Canoe",
)  # fmt: skip


@DATASETS.register(
    "openimages30k",
    title="OpenImages30k: 100 classes of Open Images V5 with masks",
    classes=_CLASSES,
    splits={TRAIN_WEAKSUP: 29_819, TRAIN_FULLSUP: 2_500, TEST: 5_000},
    annotations=("labels", "masks"),
    pointing_region="masks",
    revision="OpenImages30k of wsol2020 (Open Images V5)",
    licence="images: CC BY 2.0 (as listed by Open Images); annotations: CC BY 4.0 (Google)",
    citation=(
        "@inproceedings{choe2020evaluating, author = {Choe, Junsuk and Oh, Seong Joon and Lee, "
        "Seungho and Chun, Sanghyuk and Akata, Zeynep and Shim, Hyunjung}, title = {Evaluating "
        "Weakly Supervised Object Localization Methods Right}, booktitle = {Proceedings of the "
        "IEEE/CVF Conference on Computer Vision and Pattern Recognition}, year = {2020}}"
    ),
    homepage="https://github.com/clovaai/wsolevaluation",
    layout=(
        "DIR/OpenImages/{train,val,test}/<class>/<image>.jpg with masks beside the images or in "
        "DIR/OpenImages/masks or DIR/dataset/OpenImages, and the wsol2020 metadata in "
        "DIR/metadata/OpenImages or DIR/wsolevaluation-metadata/OpenImages."
    ),
    notes=(
        "Masks of val and test: several instances of the class are united; pixels to ignore are "
        "of the group the annotators could not tell apart. The official frame of an image is that "
        "of its masks, so that a mask is resized once, as the wsol2020 protocol does. There are "
        "no boxes: PxAP and the pointing game are the scores."
    ),
    instructions=(
        "Images and masks: see the README of https://github.com/clovaai/wsolevaluation, whose "
        "metadata folder tells labels and mask files."
    ),
)
def openimages30k(root: Path, split: str) -> Iterator[Sample | Problem]:
    """Read one split."""
    homes = metadata_homes("OpenImages", split)
    described = first_folder(root, homes)
    if described is None:
        raise not_found(root, homes, what=f"wsol2020 metadata of OpenImages30k for {split}")
    metadata = read_metadata(described)
    parts = tuple(
        f"{home}/{_FOLDERS[split]}" if home != "." else _FOLDERS[split] for home in _IMAGE_HOMES
    )
    folder = find_folder(root, parts, what=f"folder of OpenImages30k images for {split}")
    images = {
        path.relative_to(folder.parent).as_posix(): path
        for path in files_below(folder, (*IMAGE_SUFFIXES, ".png"))
    }
    homes_of_masks = tuple(
        home for home in (folder.parent, folder.parent / "masks", root / "masks") if home.is_dir()
    )
    for entry in read_described(metadata, images, folder, len(_CLASSES)):
        if isinstance(entry, Problem) or not metadata.masks:
            yield entry
            continue
        try:
            yield _with_masks(entry, metadata.masks.get(entry.id, ()), homes_of_masks)
        except SampleError as error:
            yield Problem(entry.id, str(error))


def _with_masks(
    sample: Sample, names: tuple[tuple[str, str], ...], homes: tuple[Path, ...]
) -> Sample:
    if not names:
        raise SampleError("no mask in localization.txt")
    foreground = tuple(_find(mask, homes) for mask, _ in names)
    ignored = tuple(_find(ignore, homes) for ignore in dict.fromkeys(i for _, i in names) if ignore)
    width, height = size_of(foreground[0])
    masks = GreyMasks({sample.labels[0]: foreground}, ignored, (height, width))
    return replace(sample, size_wh=(width, height), masks=masks)


def _find(name: str, homes: tuple[Path, ...]) -> Path:
    for home in homes:
        if (home / name).is_file():
            return home / name
    raise SampleError(f"no mask file {name}")
