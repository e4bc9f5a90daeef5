"""Which method of another library is meant to be which of this suite, and where it departs."""

from __future__ import annotations

from dataclasses import dataclass

BEFORE_RELU = "where the last ReLU is no module (DenseNet), it takes the gradient before that ReLU"


@dataclass(frozen=True)
class Counterpart:
    """A method here and the one there.

    Attributes:
        ours: spec of the method here, with the options that mean the same as theirs.
        theirs: spec of the peer's.
        departure: where the peer is known to give other maps, and why; "" where it is not.
    """

    ours: str
    theirs: str
    departure: str = ""


_PLUS_PLUS = (
    "adds 1e-6 to a denominator of the size of squared gradients, which is of that size too"
)
_SUMS_PRODUCT = (
    "sums A g^3 over the pixels instead of A: the same only behind global average pooling"
)
COUNTERPARTS = (
    Counterpart("cam", "torchcam:CAM", "has a ReLU where the paper has none"),
    Counterpart("gradcam", "grad-cam:GradCAM", BEFORE_RELU),
    Counterpart("gradcam", "torchcam:GradCAM", BEFORE_RELU),
    Counterpart("gradcam", "captum:LayerGradCam", BEFORE_RELU),
    Counterpart("gradcampp", "grad-cam:GradCAMPlusPlus", _PLUS_PLUS),
    Counterpart("gradcampp", "torchcam:GradCAMpp", _SUMS_PRODUCT),
    Counterpart("smoothgradcampp", "torchcam:SmoothGradCAMpp", "draws other noise"),
    Counterpart("xgradcam", "grad-cam:XGradCAM", "adds 1e-7 to the sum of a channel"),
    Counterpart("xgradcam", "torchcam:XGradCAM", "adds 1e-8 to the sum of a channel"),
    Counterpart("hirescam", "grad-cam:HiResCAM", BEFORE_RELU),
    Counterpart("gradcam-elementwise", "grad-cam:GradCAMElementWise", BEFORE_RELU),
    Counterpart("layercam", "grad-cam:LayerCAM", BEFORE_RELU),
    Counterpart("layercam", "torchcam:LayerCAM", BEFORE_RELU),
    Counterpart(
        "eigencam", "grad-cam:EigenCAM", "leaves the sign to the SVD, then drops negatives"
    ),
    Counterpart(
        "eigengradcam", "grad-cam:EigenGradCAM", "leaves the sign to the SVD, then drops negatives"
    ),
    Counterpart("kpcacam", "grad-cam:KPCA_CAM", "leaves the sign to the solver"),
    Counterpart("fem", "grad-cam:FEM"),
    Counterpart("shapleycam", "grad-cam:ShapleyCAM"),
    Counterpart("finercam", "grad-cam:FinerCAM"),
    Counterpart("finercam", "torchcam:FinerCAM"),
    Counterpart("fullgrad", "grad-cam:FullGrad", "scales every channel of every layer to [0, 1]"),
    Counterpart("scorecam", "grad-cam:ScoreCAM", "upsamples masks with aligned corners"),
    Counterpart("scorecam", "torchcam:ScoreCAM", "scales masks to [0, 1] before resizing them"),
    Counterpart("sscam", "torchcam:SSCAM", "draws other noise"),
    Counterpart("iscam", "torchcam:ISCAM"),
    Counterpart("ablationcam", "grad-cam:AblationCAM"),
    Counterpart("legrad", "torchcam:LeGrad"),
    Counterpart("saliency", "captum:Saliency"),
    Counterpart("inputxgradient", "captum:InputXGradient"),
    Counterpart("integratedgradients", "captum:IntegratedGradients", "integrates by another rule"),
    Counterpart("smoothgrad", "captum:NoiseTunnel", "draws other noise"),
    Counterpart("guidedbackprop", "captum:GuidedBackprop"),
    Counterpart("deconvnet", "captum:Deconvolution"),
    Counterpart("guidedgradcam", "captum:GuidedGradCam", "resizes Grad-CAM to nearest pixels"),
    Counterpart("occlusion", "captum:Occlusion", "has other windows and strides by default"),
)
