"""Which method of another library is meant to be which of this suite, and where it departs."""

from __future__ import annotations

from dataclasses import dataclass

BEFORE_RELU = "where the last ReLU is no module (DenseNet), it takes the gradient before that ReLU"
SIGN = "leaves the sign of the component to the solver, then drops what is negative"
NOISE = "draws other noise"


@dataclass(frozen=True)
class Counterpart:
    """A method here and the one there.

    Attributes:
        ours: spec of the method here, with the options that mean the same as theirs.
        theirs: spec of the peer's.
        departure: where the peer is known to give other maps, and why; "" where it is not.
        relu: whether theirs drops negative values that ours leaves to the protocol.
    """

    ours: str
    theirs: str
    departure: str = ""
    relu: bool = False


COUNTERPARTS = (
    Counterpart("cam", "torchcam:CAM"),
    Counterpart("gradcam", "grad-cam:GradCAM", BEFORE_RELU),
    Counterpart("gradcam", "torchcam:GradCAM", BEFORE_RELU),
    Counterpart("gradcam", "captum:LayerGradCam", BEFORE_RELU),
    Counterpart(
        "gradcampp",
        "grad-cam:GradCAMPlusPlus",
        "adds 1e-6 to a denominator of the size of squared gradients, which is about as small",
    ),
    Counterpart(
        "gradcampp",
        "torchcam:GradCAMpp",
        "divides a copy of alpha, so that its numerator alone weighs the gradients",
    ),
    Counterpart(
        "smoothgradcampp",
        "torchcam:SmoothGradCAMpp",
        "draws other noise, and takes ReLU(g) of the last noisy copy alone",
    ),
    Counterpart("xgradcam", "grad-cam:XGradCAM", "adds 1e-7 to the sum of a channel"),
    Counterpart("xgradcam", "torchcam:XGradCAM", "adds 1e-8 to the sum of a channel"),
    Counterpart("hirescam", "grad-cam:HiResCAM", BEFORE_RELU),
    Counterpart("gradcam-elementwise", "grad-cam:GradCAMElementWise", BEFORE_RELU),
    Counterpart("layercam", "grad-cam:LayerCAM", BEFORE_RELU),
    Counterpart("layercam", "torchcam:LayerCAM", BEFORE_RELU),
    Counterpart("eigencam(centered=True)", "grad-cam:EigenCAM", SIGN, relu=True),
    Counterpart("eigengradcam", "grad-cam:EigenGradCAM", SIGN, relu=True),
    Counterpart("kpcacam", "grad-cam:KPCA_CAM", SIGN, relu=True),
    Counterpart("fem", "grad-cam:FEM", relu=True),
    Counterpart("shapleycam", "grad-cam:ShapleyCAM"),
    Counterpart(
        "finercam(gamma=1.0,weights=softmax)",
        "grad-cam:FinerCAM",
        "differentiates through the probabilities that weigh the other classes",
    ),
    Counterpart("finercam", "torchcam:FinerCAM", BEFORE_RELU),
    Counterpart("fullgrad(scale=channel)", "grad-cam:FullGrad"),
    Counterpart("scorecam", "grad-cam:ScoreCAM"),
    Counterpart("scorecam(align_corners=False,normalise=before)", "torchcam:ScoreCAM"),
    Counterpart("sscam", "torchcam:SSCAM(num_samples=10)", NOISE),
    Counterpart("iscam", "torchcam:ISCAM"),
    Counterpart(
        "ablationcam",
        "grad-cam:AblationCAM",
        "puts a channel far below the layer's minimum, unless that is exactly zero",
        relu=True,
    ),
    Counterpart("legrad", "torchcam:LeGrad"),
    Counterpart("saliency", "captum:Saliency"),
    Counterpart("inputxgradient", "captum:InputXGradient(reduction=abs-sum)"),
    Counterpart("integratedgradients", "captum:IntegratedGradients(n_steps=20,reduction=abs-sum)"),
    Counterpart("smoothgrad", "captum:NoiseTunnel(nt_samples=20)", NOISE),
    Counterpart("guidedbackprop", "captum:GuidedBackprop"),
    Counterpart("guidedbackprop(reduction=sum-abs)", "grad-cam:GuidedBackpropReLUModel"),
    Counterpart("deconvnet", "captum:Deconvolution"),
    Counterpart("guidedgradcam(interpolation=nearest)", "captum:GuidedGradCam"),
    Counterpart("occlusion", "captum:Occlusion(reduction=max)"),
)
