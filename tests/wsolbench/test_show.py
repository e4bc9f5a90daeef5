"""Overlays: which class, which box, and figures that are written whole."""

import numpy as np
import pytest
from PIL import Image
from reference.runs import CORE, SIDE, ColourNet, paint

from wsolbench.errors import InputError, OptionError, UnknownNameError
from wsolbench.models import as_classifier
from wsolbench.overlays import draw, save
from wsolbench.plan import find_methods
from wsolbench.predicted import predicted_box
from wsolbench.protocol import PROTOCOLS, resolve_protocol
from wsolbench.settings import specs_of
from wsolbench.show import find_label, look
from wsolbench.spec import Spec

NAMES = ("tench, Tinca tinca", "goldfish, Carassius auratus")
WSOL = PROTOCOLS["wsol2020"]


@pytest.fixture
def classifier():
    return as_classifier(ColourNet(), input_hw=(SIDE, SIDE), mean=(0, 0, 0), std=(1, 1, 1))


def row_of(classifier, path, protocol=WSOL, methods="cam", **options):
    planned, _ = find_methods(specs_of(methods, "method"), classifier)
    return look(classifier, path, planned, protocol, **options)


@pytest.mark.parametrize(
    ("label", "found"),
    [("auto", None), ("1", 1), ("Goldfish", 1), ("tinca tinca", 0), ("tench, Tinca tinca", 0)],
)
def test_labels_are_numbers_names_or_auto(label, found):
    assert find_label(label, 2, NAMES) == found


def test_labels_that_do_not_exist_are_refused():
    with pytest.raises(OptionError, match="a label from 0 to 1, but got 2"):
        find_label("2", 2, NAMES)
    with pytest.raises(UnknownNameError, match="Did you mean goldfish"):
        find_label("goldfisch", 2, NAMES)
    with pytest.raises(OptionError, match="number of a class or auto"):
        find_label("goldfish", 2, None)


def test_the_predicted_class_its_box_and_its_iou(classifier, tmp_path):
    path = paint(tmp_path / "a.png")
    protocol = resolve_protocol(Spec("wsol2020", {"fixed_threshold": 0.65}))
    row = row_of(classifier, path, protocol, true_boxes=[CORE], class_names=("red", "green"))
    assert (row.label, row.class_name) == (0, "red")
    assert 0.5 < row.probability < 1
    (panel,) = row.panels
    assert panel.heat.shape == (SIDE, SIDE)
    assert panel.iou > 0.6  # the protocol truncates true boxes in its frame
    np.testing.assert_allclose(panel.box, CORE, atol=1)


def test_a_box_outside_of_the_image_is_refused(classifier, tmp_path):
    with pytest.raises(InputError, match="inside the image of 32x32 pixels, but got 0,0,32,9"):
        row_of(classifier, paint(tmp_path / "a.png"), true_boxes=[(0, 0, 32, 9)])


def test_boxes_of_every_protocol_with_a_fixed_threshold():
    square = np.zeros((10, 10))
    square[2:5, 3:7] = 1
    frame = resolve_protocol(Spec("cam2016", {}))
    np.testing.assert_array_equal(predicted_box(square, frame, (10, 10)), [3, 2, 6, 4])
    assert predicted_box(square, WSOL, (10, 10)) is not None
    with pytest.raises(OptionError, match="no fixed threshold"):
        predicted_box(square, PROTOCOLS["pointing-game"], (10, 10))


@pytest.mark.parametrize("suffix", [".png", ".pdf", ".svg"])
def test_figures_are_written_in_every_format(classifier, tmp_path, suffix):
    row = row_of(classifier, paint(tmp_path / "a.png"), methods="cam,center")
    path = save([row, row], WSOL, "net", tmp_path / "deep" / f"f{suffix}")
    assert path.stat().st_size > 1000
    if suffix == ".png":
        with Image.open(path) as image:
            assert min(image.size) > 300


def test_many_methods_on_one_image_are_wrapped(classifier, tmp_path):
    methods = "cam,center,gradcam,hirescam,layercam,random,random(seed=1)"
    row = row_of(classifier, paint(tmp_path / "a.png"), methods=methods, true_boxes=[CORE])
    axes = draw([row], WSOL, "net").axes
    assert len(axes) == 8
    titles = [axis.get_title() for axis in axes]
    assert titles[0].startswith("0\n")
    assert [title.splitlines()[0] for title in titles[1:]] == methods.split(",")
    assert all("IoU" in title for title in titles[1:])


def test_other_formats_are_refused(tmp_path):
    with pytest.raises(OptionError, match=r"end in \.png, \.pdf, \.svg, but got"):
        save([], WSOL, "net", tmp_path / "a.gif")


def test_the_verb_writes_the_figure(cli, tmp_path):
    paint(tmp_path / "a.png")
    network = ("--model", "digit-net", "--input-size", "64", "--methods", "cam,grad-cam:GradCAM")
    outcome = cli("show", "a.png", *network, "--box", "2,2,20,20", "--out", "o.png")
    assert (outcome.code, outcome.out) == (0, "figure: o.png\n")
    assert (tmp_path / "o.png").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a.png", "--box", "1,2,3"), "expected a box as x0,y0,x1,y1"),
        (("a.png", "b.png", "--box", "1,2,3,4"), "belong to one image, but 2 were given"),
        (("a.png", "--out", "o.bmp"), "name to end in .png"),
        (("a.png", "--protocol", "pointing-game"), "no fixed threshold"),
        (("missing.png", "--model", "digit-net"), "does not exist"),
    ],
)
def test_the_verb_refuses_in_one_line(cli, arguments, message):
    outcome = cli("show", *arguments)
    assert outcome.code in (1, 2)
    assert message in outcome.err
    assert outcome.err.count("\n") == 1
