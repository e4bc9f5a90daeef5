"""Protocols: named, frozen bundles of every choice between a raw score map and a number.

One set of raw maps is scored under every protocol of a run. The fingerprint stands beside the
numbers, so that two numbers with the same fingerprint were measured by the same rules. Where the
source of a protocol leaves a choice open, the choice made here is one of its facts.
"""

from __future__ import annotations

import dataclasses

from wsolbench._protocol import BOX_RULES, Protocol
from wsolbench.errors import UnknownNameError
from wsolbench.spec import Spec

__all__ = ["PROTOCOLS", "Protocol", "resolve_protocol"]

WSOL2020 = Protocol(
    name="wsol2020",
    scorer="box-curve",
    title="MaxBoxAcc, MaxBoxAccV2 and PxAP over all thresholds",
    source="Choe et al., Evaluating Weakly Supervised Object Localization Methods Right, CVPR 2020",
    thresholds=(0.0, 1.0, 0.001),
    threshold_rule="uint8(map * 255) > int(t * max of the uint8 map)",
    connectivity=8,
    box_rule="all contours, holes included; single mode: the largest polygon area",
    box_edge="x + w, y + h, clipped to the last pixel",
    no_box=(0, 0, 0, 0),
    iou_thresholds=(0.3, 0.5, 0.7),
    single_iou_threshold=0.5,
    fixed_threshold=0.2,
    region="boxes truncated to pixels of the frame; PxAP: masks, nearest, ignored pixels left out",
    adjustable=(
        "normaliser",
        "interpolation",
        "fixed_threshold",
        "iou_thresholds",
        "single_iou_threshold",
    ),
)

POINTING_GAME = Protocol(
    name="pointing-game",
    scorer="pointing",
    title="Pointing game: does the maximum of the map fall on the object?",
    source="Zhang et al., Top-down Neural Attention by Excitation Backprop, IJCV 2018 (TorchRay)",
    order=("resize",),
    frame="official",
    interpolation="linear",
    normaliser="none",
    radius=15,
    region="masks where the data set is pointed at by masks, else the union of boxes",
    difficult="in the region; a target with difficult objects only is not scored",
    adjustable=("interpolation", "radius"),
)

ENERGY_POINTING = Protocol(
    name="energy-pointing",
    scorer="energy",
    title="Energy-based pointing game: the share of the map inside the boxes",
    source="Wang et al., Score-CAM, CVPR Workshops 2020",
    order=("ReLU", "resize"),
    frame="official",
    interpolation="linear",
    normaliser="none",
    region="union of boxes",
    difficult="in the region; a target with difficult objects only is not scored",
)

CAM2016 = Protocol(
    name="cam2016",
    scorer="single-box",
    title="CAM's box: the largest component above 20% of the maximum",
    source="Zhou et al., Learning Deep Features for Discriminative Localization, CVPR 2016",
    frame="official",
    connectivity=8,
    single_iou_threshold=0.5,
    senses=("gt-map", "devkit"),
    verdicts="target; devkit: image",
    adjustable=("normaliser", "interpolation", "fixed_threshold", "single_iou_threshold"),
    **BOX_RULES["cam2016"],
)

GRADCAM2017 = dataclasses.replace(
    CAM2016,
    name="gradcam2017",
    title="Grad-CAM's box: the largest component above 15% of the maximum",
    source="Selvaraju et al., Grad-CAM, ICCV 2017",
    **BOX_RULES["gradcam2017"],
)

LAYERCAM2021 = dataclasses.replace(
    CAM2016,
    name="layercam2021",
    title="LayerCAM's box: the largest bounding rectangle above an absolute threshold",
    source="Jiang et al., LayerCAM, TIP 2021",
    senses=("gt-map",),
    verdicts="target",
    adjustable=("fixed_threshold", "single_iou_threshold"),
    **BOX_RULES["layercam2021"],
)

TSCAM2021 = dataclasses.replace(
    CAM2016,
    name="tscam2021",
    title="TS-CAM's box: the largest contour at a fixed threshold (.12 ILSVRC, .10 CUB)",
    source="Gao et al., TS-CAM, ICCV 2021",
    frame="224x224",
    normaliser="minmax",
    threshold_rule="uint8(map * 255) > int(t * max of the uint8 map)",
    box_rule="largest contour",
    box_edge="x + w, y + h",
    no_box=(0, 0, 1, 1),
    top_k_comparison=">",
    fixed_threshold=0.12,
    region="boxes truncated to pixels of the frame",
    senses=("gt-map",),
    verdicts="target",
)

ILSVRC_LOC = dataclasses.replace(
    CAM2016,
    name="ilsvrc-loc",
    title="ILSVRC localization error of the devkit, in original coordinates",
    source="Russakovsky et al., ImageNet Large Scale Visual Recognition Challenge, IJCV 2015",
    boxes="cam2016",
    adjustable=("boxes", "fixed_threshold"),
)

CORLOC = dataclasses.replace(
    CAM2016,
    name="corloc",
    title="CorLoc: images whose one box of a class is right, per class and pooled",
    source="Deselaers et al., Weakly Supervised Localization and Learning, IJCV 2012",
    scorer="corloc",
    senses=(),
    verdicts="image and class; per class, then averaged, and pooled",
)

VOC_SEED = Protocol(
    name="voc-seed",
    scorer="seed",
    title="Seeds of weakly supervised segmentation: mIoU over a sweep of backgrounds",
    source="Ahn et al., IRN, CVPR 2019 (.15); Chen et al., ReCAM, CVPR 2022 (.21); SEAM's sweep",
    order=("ReLU", "resize", "/ (max + 1e-5)"),
    frame="official",
    interpolation="linear",
    normaliser="none",
    thresholds=tuple(i / 100 for i in range(60)),
    threshold_rule="argmax of background t and the classes present; background, then first, wins",
    fixed_threshold=0.15,
    named_thresholds=(("IRN", 0.15), ("ReCAM", 0.21)),
    region="masks, ignored pixels left out",
    difficult="part of the masks",
    verdicts="pixel, one map a class at one scale; classes with a pixel are averaged",
    adjustable=("fixed_threshold",),
)

SOFT_MASK = Protocol(
    name="soft-mask",
    scorer="soft-mask",
    title="Relevance mass and rank accuracy, top-k intersection, AUC of the map against the mask",
    source="Arras et al., CLEVR-XAI, 2022; Theiner et al., WACV 2022; Quantus (k)",
    normaliser="max",
    region="masks, ignored pixels left out; the union of boxes where there are no masks",
    difficult="part of the masks; no boxes",
    top_pixels=1000,
    adjustable=("normaliser", "interpolation", "top_pixels"),
)

COCO_BOX_AP = dataclasses.replace(
    CAM2016,
    name="coco-box-ap",
    title="Box AP of COCO: one detection a class, scored by the classifier's probability",
    source="Lin et al., Microsoft COCO, ECCV 2014 (pycocotools)",
    scorer="box-ap",
    box_edge="x, y, w, h",
    iou_convention="exclusive",
    single_iou_threshold=None,
    senses=(),
    iou_thresholds=tuple(round(0.5 + 0.05 * i, 2) for i in range(10)),
    difficult="matched or not, neither right nor wrong (crowd)",
    verdicts="detection, pooled; per class, then averaged",
    adjustable=("normaliser", "interpolation", "fixed_threshold", "candidates"),
)

PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        WSOL2020,
        POINTING_GAME,
        ENERGY_POINTING,
        CAM2016,
        GRADCAM2017,
        LAYERCAM2021,
        TSCAM2021,
        ILSVRC_LOC,
        CORLOC,
        VOC_SEED,
        SOFT_MASK,
        COCO_BOX_AP,
    )
}


def resolve_protocol(spec: Spec | str) -> Protocol:
    """The protocol that a name or a spec such as ``wsol2020(normaliser=ivr)`` means."""
    spec = Spec.parse(spec) if isinstance(spec, str) else spec
    if spec.name not in PROTOCOLS:
        raise UnknownNameError("protocol", spec.name, PROTOCOLS, "See `wsolbench list protocols`.")
    return PROTOCOLS[spec.name].with_options(spec.options)
