"""Oxford Flowers-102: 102 kinds of flowers, with segmentations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from wsolbench.dataset import (
    TEST,
    TRAIN_FULLSUP,
    TRAIN_WEAKSUP,
    Download,
    find_folder,
)
from wsolbench.errors import DataError, SampleError
from wsolbench.masks import ColourMasks
from wsolbench.registry import DATASETS
from wsolbench.sample import Problem, Sample

from ._files import files_by_stem
from ._mat import read_mat
from ._sizes import size_of

_CLASSES = (
    "pink primrose", "hard-leaved pocket orchid", "canterbury bells", "sweet pea",
    "english marigold", "tiger lily", "moon orchid", "bird of paradise", "monkshood",
    "globe thistle", "snapdragon", "colt's foot", "king protea", "spear thistle", "yellow iris",
    "globe-flower", "purple coneflower", "peruvian lily", "balloon flower",
    "giant white arum lily", "fire lily", "pincushion flower", "fritillary", "red ginger",
    "grape hyacinth", "corn poppy", "prince of wales feathers", "stemless gentian", "artichoke",
    "sweet william", "carnation", "garden phlox", "love in the mist", "mexican aster",
    "alpine sea holly", "ruby-lipped cattleya", "cape flower", "great masterwort", "siam tulip",
    "lenten rose", "barbeton daisy", "daffodil", "sword lily", "poinsettia", "bolero deep blue",
    "wallflower", "marigold", "buttercup", "oxeye daisy", "common dandelion", "petunia",
    "wild pansy", "primula", "sunflower", "pelargonium", "bishop of llandaff", "gaura",
    "geranium", "orange dahlia", "pink-yellow dahlia?", "cautleya spicata", "japanese anemone",
    "black-eyed susan", "silverbush", "californian poppy", "osteospermum", "spring crocus",
    "bearded iris", "windflower", "tree poppy", "gazania", "azalea", "water lily", "rose",
    "thorn apple", "morning glory", "passion flower", "lotus", "toad lily", "anthurium",
    "frangipani", "clematis", "hibiscus", "columbine", "desert-rose", "tree mallow", "magnolia",
    "cyclamen", "watercress", "canna lily", "hippeastrum", "bee balm", "ball moss", "foxglove",
    "bougainvillea", "camellia", "mallow", "mexican petunia", "bromelia", "blanket flower",
    "trumpet creeper", "blackberry lily",
)  # fmt: skip
_VARIABLES = {TRAIN_WEAKSUP: "trnid", TRAIN_FULLSUP: "valid", TEST: "tstid"}
_BACKGROUND = (0, 0, 254)
_HOST = "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/"


@DATASETS.register(
    "flowers102",
    title="Oxford Flowers-102: 102 kinds of flowers",
    classes=_CLASSES,
    splits={TRAIN_WEAKSUP: 1020, TRAIN_FULLSUP: 1020, TEST: 6149},
    annotations=("labels", "masks"),
    pointing_region="masks",
    revision="102 flowers of 2008 (imagelabels.mat, setid.mat, segmim)",
    licence="not stated by its authors; images from the web, made for research",
    citation=(
        "@inproceedings{nilsback2008automated, author = {Nilsback, Maria-Elena and Zisserman, "
        "Andrew}, title = {Automated Flower Classification over a Large Number of Classes}, "
        "booktitle = {Indian Conference on Computer Vision, Graphics and Image Processing}, year "
        "= {2008}}"
    ),
    homepage="https://www.robots.ox.ac.uk/~vgg/data/flowers/102/",
    layout=(
        "DIR/flowers102/{jpg,segmim,imagelabels.mat,setid.mat} (also DIR/flowers-102, "
        "DIR/102flowers or DIR itself); segmim may be absent."
    ),
    notes=(
        "train-weaksup, train-fullsup and test are the official trnid, valid and tstid. In segmim "
        "the background is blue (0, 0, 254), and a channel may be off by 40, for these are JPEG "
        "files; the segmentations were made by a program, not by hand. There are no boxes."
    ),
    downloads=(
        Download(f"{_HOST}102flowers.tgz", "md5:52808999861908f626f3c1f4e79d11fa", "flowers102"),
        Download(
            f"{_HOST}imagelabels.mat",
            "md5:e0620be6f572b9609742df49c70aed4d",
            "flowers102",
            extract=False,
        ),
        Download(
            f"{_HOST}setid.mat", "md5:a5357ecc9cb78c4bef273ce3793fc85c", "flowers102", extract=False
        ),
        Download(f"{_HOST}102segmentations.tgz", into="flowers102"),
    ),
)
def flowers102(root: Path, split: str) -> Iterator[Sample | Problem]:
    """Read one split."""
    homes = ("flowers102/jpg", "flowers-102/jpg", "102flowers/jpg", "jpg")
    folder = find_folder(root, homes, what="folder of Flowers-102")
    images = files_by_stem(folder, (".jpg",))
    segmentations = files_by_stem(folder.parent / "segmim", (".jpg", ".png"))
    (labels,) = read_mat(folder.parent / "imagelabels.mat", "labels")
    (numbers,) = read_mat(folder.parent / "setid.mat", _VARIABLES[split])
    for number in sorted(int(one) for one in np.atleast_1d(numbers)):
        if not 1 <= number <= len(np.atleast_1d(labels)):
            raise DataError(
                f"setid.mat names image {number}, which imagelabels.mat has no label of"
            )
        label = int(np.atleast_1d(labels)[number - 1]) - 1
        name, segmentation = f"image_{number:05d}", segmentations.get(f"segmim_{number:05d}")
        try:
            yield _sample(name, label, images.get(name), segmentation)
        except SampleError as error:
            yield Problem(f"{name}.jpg", str(error))


def _sample(name: str, label: int, path: Path | None, segmentation: Path | None) -> Sample:
    if path is None:
        raise SampleError(f"no image file jpg/{name}.jpg")
    if label not in range(len(_CLASSES)):
        raise SampleError(f"expected a label of 1..{len(_CLASSES)}, but got {label + 1}")
    if segmentation is None:
        return Sample(path.name, path, None, (label,))
    masks = ColourMasks(segmentation, label, background=_BACKGROUND)
    return Sample(path.name, path, size_of(segmentation), (label,), masks=masks)
