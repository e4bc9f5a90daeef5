"""Loading images, against a plain torchvision pipeline on the same files.

Both decode JPEG files of 500 x 375, warp them to 224 x 224, normalise and batch; ours also gathers
the ground truth of every image. ``extra_info`` holds images per second of processor time, and how
many times as much of it torchvision takes: processor time of this process and its workers, so that
other work on the machine does not count, and the median of rounds that alternate.
"""

from __future__ import annotations

import gc
import os
from statistics import median

import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_images
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.datasets.folder import default_loader

from wsolbench.images import InputTransform, load_batches
from wsolbench.sample import Instance, Sample

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
IMAGES, BATCH, ROUNDS = 128, 32, 5


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photographs")
    photographs = [Image.fromarray(pixels) for pixels in load_sample_images().images]
    made = []
    for i in range(IMAGES):
        photograph = photographs[i % 2]
        part = photograph.crop((i % 64, i % 32, 560 + i % 64, 395 + i % 32)).resize((500, 375))
        path = folder / f"{i}.jpg"
        part.save(path, quality=90)
        made.append(Sample(path.stem, path, (500, 375), (0,), (Instance(0, (50, 40, 300, 200)),)))
    return made


class Plain(Dataset):
    """What torchvision's ImageFolder does with a file."""

    def __init__(self, samples):
        self.paths = [str(sample.path) for sample in samples]
        self.transform = transforms.Compose(
            [
                transforms.Resize((224, 224)),
                transforms.ToTensor(),
                transforms.Normalize(MEAN, STD),
            ]
        )

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, position):
        return self.transform(default_loader(self.paths[position])), 0


def load_plainly(samples, workers):
    return torch.cat(
        [images for images, _ in DataLoader(Plain(samples), BATCH, num_workers=workers)]
    )


def load(samples, workers):
    transform = InputTransform(MEAN, STD)
    batches = load_batches(samples, transform, batch_size=BATCH, workers=workers)
    return torch.cat([batch.images for batch in batches])


def processor_seconds(function, *arguments):
    """Of this process and of those that it started, which must have ended."""
    begin = os.times()
    function(*arguments)
    gc.collect()  # ends the workers
    end = os.times()
    return sum(end[:4]) - sum(begin[:4])


def test_pixels_are_the_same(samples):
    assert load(samples[:8], 0).equal(load_plainly(samples[:8], 0))


@pytest.mark.parametrize("workers", [0, 2], ids=["this process", "2 workers"])
def test_loading(benchmark, samples, workers):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        benchmark.pedantic(load, (samples, workers), rounds=ROUNDS, warmup_rounds=1)
        pairs = [
            (
                processor_seconds(load_plainly, samples, workers),
                processor_seconds(load, samples, workers),
            )
            for _ in range(ROUNDS)
        ]
    finally:
        torch.set_num_threads(threads)
    ours = median(own for _, own in pairs)
    benchmark.extra_info["images_per_processor_second"] = round(IMAGES / ours)
    benchmark.extra_info["times_as_much_with_torchvision"] = round(
        median(plain / own for plain, own in pairs), 2
    )
