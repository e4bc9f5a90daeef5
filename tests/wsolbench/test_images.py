import warnings

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms

from wsolbench.errors import SampleError
from wsolbench.images import InputTransform, load_batches, read_image
from wsolbench.masks import IndexMasks, RleMasks
from wsolbench.sample import Instance, Sample

# Python 3.12 warns of forking, which is how the loader starts its workers
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
TRANSFORM = InputTransform(MEAN, STD, (32, 48))


def noise(height=20, width=30, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def saved(path, pixels, **kwargs):
    Image.fromarray(pixels).save(path, **kwargs)
    return path


def test_the_transform_is_torchvisions():
    image = Image.fromarray(noise(300, 200))
    reference = transforms.Compose(
        [
            transforms.Resize((224, 224)),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )
    assert InputTransform(MEAN, STD)(image).equal(reference(image))


def test_the_transform_by_hand():
    image = Image.fromarray(np.full((2, 2, 3), 51, np.uint8))
    transform = InputTransform((0.1, 0.2, 0.3), (0.5, 1, 2), (1, 1))
    torch.testing.assert_close(transform(image).flatten(), torch.tensor([0.2, 0, -0.05]))


RED = (200, 30, 40)


@pytest.mark.parametrize(
    ("mode", "name", "expected"),
    [
        ("RGB", "x.png", RED),
        ("RGBA", "x.png", RED),
        ("P", "x.png", RED),
        ("CMYK", "x.tif", RED),
        ("L", "x.png", (82, 82, 82)),
        ("LA", "x.png", (82, 82, 82)),
        ("1", "x.png", (255, 255, 255)),
    ],
)
def test_every_mode_becomes_rgb(tmp_path, mode, name, expected):
    source = Image.new("RGB", (4, 3), RED if mode != "1" else (255, 255, 255))
    (source.quantize(2) if mode == "P" else source.convert(mode)).save(tmp_path / name)
    image = read_image(tmp_path / name)
    assert (image.mode, image.size) == ("RGB", (4, 3))
    np.testing.assert_allclose(np.asarray(image)[0, 0], expected, atol=1)


def test_sixteen_bits_are_scaled_not_clipped(tmp_path):
    saved(tmp_path / "x.png", np.array([[0, 256 * 7, 65535]], dtype=np.uint16))
    assert np.asarray(read_image(tmp_path / "x.png"))[0, :, 0].tolist() == [0, 7, 255]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 7, 255], [0, 7, 255]),
        ([0, 256, 512], [0, 1, 2]),
        ([0, 256 * 7, 65535], [0, 7, 255]),
        ([-5, 2**23, 2**31 - 1], [0, 1, 255]),
    ],
    ids=["bytes", "a little more than bytes", "16 bits", "32 bits"],
)
def test_32_bits_are_scaled_by_what_they_hold(tmp_path, values, expected):
    saved(tmp_path / "x.tif", np.array([values], dtype=np.int32))
    assert np.asarray(read_image(tmp_path / "x.tif"))[0, :, 0].tolist() == expected


def test_transparent_palettes_give_no_warning(tmp_path):
    Image.new("RGBA", (4, 3), (*RED, 0)).convert("P").save(
        tmp_path / "x.png", transparency=bytes([0] * 256)
    )
    assert read_image(tmp_path / "x.png").mode == "RGB"


def test_exif_rotation_is_not_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(tmp_path / "x.jpg", noise(20, 30), exif=exif)
    assert read_image(path).size == (30, 20)


def test_large_images_are_read_without_warning(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 400)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_image(saved(tmp_path / "x.png", noise())).size == (30, 20)


def test_bombs_are_refused(tmp_path, monkeypatch):
    path = saved(tmp_path / "x.png", noise())
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(SampleError, match="decompression bomb"):
        read_image(path)


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "tif", "webp"])
@pytest.mark.parametrize("kept", [0, 20, 0.5])
def test_truncated_images_are_named(tmp_path, suffix, kept):
    path = saved(tmp_path / f"cut.{suffix}", noise(64, 64))
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data)) if kept < 1 else kept])
    with pytest.raises(SampleError, match=rf"cut\.{suffix} cannot be read"):
        read_image(path)


@pytest.mark.parametrize("content", [b"hello", b"\x89PNG\r\n\x1a\n" + b"\0" * 60])
def test_files_that_are_no_images_are_named(tmp_path, content):
    (tmp_path / "no.png").write_bytes(content)
    with pytest.raises(SampleError, match=r"no\.png cannot be read"):
        read_image(tmp_path / "no.png")


def test_missing_images_are_named(tmp_path):
    with pytest.raises(SampleError, match=r"gone\.jpg does not exist"):
        read_image(tmp_path / "gone.jpg")


def test_folders_are_no_images(tmp_path):
    with pytest.raises(SampleError, match="cannot be read"):
        read_image(tmp_path)


@pytest.fixture
def samples(tmp_path):
    """Seven samples: one rescaled, one of unknown size, one truncated, one with a wrong mask."""
    made = []
    for i in range(7):
        path = saved(tmp_path / f"{i}.png", noise(seed=i))
        boxes = (Instance(2, (1, 2, 3, 4)), Instance(0, (5, 5, 9, 9), difficult=True))
        made.append(Sample(f"s{i}", path, (30, 20), (0, 2), boxes))
    made[1] = Sample("s1", made[1].path, (60, 40), (2,), made[1].instances)
    made[2] = Sample("s2", made[2].path, None, (0,), made[2].instances)
    made[3].path.write_bytes(made[3].path.read_bytes()[:200])
    small = RleMasks.of({2: np.ones((4, 5), bool)})
    made[5] = Sample("s5", made[5].path, (30, 20), (2,), (), small)
    return made


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_keep_order_and_name_problems(samples, workers):
    batches = list(load_batches(samples, TRANSFORM, batch_size=3, workers=workers))
    assert [[s.id for s in batch.samples] for batch in batches] == [
        ["s0", "s1", "s2"],
        ["s4"],
        ["s6"],
    ]
    assert [[p.id for p in batch.problems] for batch in batches] == [[], ["s3", "s5"], []]
    assert "3.png cannot be read" in batches[1].problems[0].reason
    assert "expected a mask of the image's size (20, 30)" in batches[1].problems[1].reason
    assert [batch.rescaled for batch in batches] == [1, 0, 0]
    for batch in batches:
        assert batch.images.shape == (len(batch.samples), 3, 32, 48)
        for image, sample in zip(batch.images, batch.samples, strict=True):
            assert image.equal(TRANSFORM(read_image(sample.path)))


@pytest.mark.parametrize("workers", [0, 2])
def test_truths_are_of_every_label_in_the_official_frame(samples, workers):
    (batch,) = load_batches(samples[:3], TRANSFORM, batch_size=3, workers=workers)
    first, second, third = batch.truths
    assert [truth.key for truth in first] == ["s0#0", "s0#2"]
    assert first[1].boxes_xyxy.tolist() == [[1, 2, 3, 4]]
    assert first[0].difficult.tolist() == [True]
    assert (second[0].size_wh, third[0].size_wh) == ((60, 40), (30, 20))


def test_masks_are_read_when_asked_for(tmp_path):
    indices = np.zeros((20, 30), np.uint8)
    indices[2, 3], indices[0, 0] = 3, 255
    masks = IndexMasks(saved(tmp_path / "m.png", indices))
    sample = Sample("a", saved(tmp_path / "a.png", noise()), (30, 20), (2,), (), masks)
    (with_masks,) = load_batches([sample], TRANSFORM)
    (without,) = load_batches([sample], TRANSFORM, masks=False)
    truth = with_masks.truths[0][0]
    assert np.argwhere(truth.mask).tolist() == [[2, 3]]
    assert np.argwhere(truth.ignore).tolist() == [[0, 0]]
    assert without.truths[0][0].mask is None


def test_a_batch_of_problems_alone_is_empty(tmp_path):
    sample = Sample("gone", tmp_path / "gone.png", None, (0,))
    (batch,) = load_batches([sample], TRANSFORM)
    assert batch.samples == batch.truths == ()
    assert len(batch.images) == 0
    assert batch.problems[0].id == "gone"


def test_loading_leaves_the_global_random_state(samples):
    state = torch.get_rng_state()
    list(load_batches(samples, TRANSFORM))
    assert torch.get_rng_state().equal(state)


def quarter_turned(path):
    """Stored 40 x 20, red on the left; EXIF says: turn by 90 degrees clockwise to look at it."""
    pixels = np.zeros((20, 40, 3), dtype=np.uint8)
    pixels[:, :20, 0] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(path, exif=exif)
    return path


def test_exif_turns_an_image_only_where_the_annotation_does_or_it_is_asked_for(tmp_path):
    path = quarter_turned(tmp_path / "phone.png")
    assert read_image(path).size == (40, 20)
    assert read_image(path, size_wh=(40, 20)).size == (40, 20)
    assert read_image(path, size_wh=(400, 200)).size == (40, 20)  # a resized copy
    for turned in (read_image(path, size_wh=(20, 40)), read_image(path, upright=True)):
        assert turned.size == (20, 40)
        assert np.asarray(turned)[:20, :, 0].min() == 255  # red is on top now
        assert np.asarray(turned)[20:, :, 0].max() == 0


@pytest.mark.parametrize("scale", [1, 255], ids=["of [0, 1]", "of bytes"])
def test_float_images_become_bytes(tmp_path, scale):
    values = np.array([[0, 0.5, 1]], dtype=np.float32) * scale
    Image.fromarray(values).save(tmp_path / "x.tif")
    assert np.asarray(read_image(tmp_path / "x.tif"))[0, :, 0].tolist() == [0, 127, 255]
