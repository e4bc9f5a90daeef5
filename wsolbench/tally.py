"""What one pass over one split adds up, wherever its maps come from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from wsolbench.errors import DataError
from wsolbench.evaluation import Evaluation
from wsolbench.sample import Problem, Sample, Split
from wsolbench.scorers.base import Task

if TYPE_CHECKING:
    import pandas as pd

    from wsolbench.dataset import Dataset
    from wsolbench.protocol import Protocol

Watch = Callable[[Iterable[Any], str, int], Iterable[Any]]


class Tally:
    """Everything that one pass over a split adds up.

    Args:
        card: of the data set.
        split: what was read.
        protocols: every protocol to score under.
        strict: refuse a split with any problem.

    Attributes:
        evaluation: counts and rows.
        problems: what could not be used, with the reason.
        scored: ids of the images that were scored, in order.
        logits_not_finite: how many images the network gives NaN or infinity for.
        rescaled: how many files have another size than their annotations' official one.
        seconds: phase -> time; "load" is the time spent waiting for images.
        method_seconds: method -> time for its maps, beyond the shared forward pass.
    """

    def __init__(
        self, card: Dataset, split: Split, protocols: Iterable[Protocol], *, strict: bool
    ) -> None:
        self.split, self.strict = split, strict
        self.evaluation = Evaluation(protocols, Task(len(card.classes), card.pointing_region))
        self.problems: list[Problem] = list(split.problems)
        self.scored: list[str] = []
        self.logits_not_finite = 0
        self.rescaled = 0
        self.seconds: dict[str, float] = defaultdict(float)
        self.method_seconds: dict[str, float] = defaultdict(float)

    @property
    def targets(self) -> int:
        """How many pairs of image and class shown in it were scored."""
        return self.evaluation.targets

    @property
    def nothing_scored(self) -> str:
        """Why a split without any usable image is refused."""
        first = self.problems[0] if self.problems else Problem(self.split.name, "no images")
        return (
            f"none of the {len(self.split.samples)} images of {self.split.dataset} "
            f"{self.split.name} can be used; the first: {first.id}: {first.reason}"
        )

    def rows(self) -> pd.DataFrame:
        """A row per target and method."""
        import pandas as pd

        return pd.DataFrame(self.evaluation.rows)

    def refuse_problems_if_strict(self) -> None:
        """Raise `DataError` at the first problem in strict mode."""
        if self.problems and self.strict:
            first = self.problems[0]
            raise DataError(
                f"{first.id}: {first.reason} (the first of {len(self.problems)} problems in "
                f"{self.split.dataset} {self.split.name}; without --strict they are left out)"
            )

    def leave_out_refused(self, samples: Sequence[Sample]) -> None:
        """Images whose ground truth the protocols refuse are problems, not scored."""
        refused = [
            Problem(sample.id, self.evaluation.refused[sample.id])
            for sample in samples
            if sample.id in self.evaluation.refused
        ]
        self.problems += refused
        gone = {problem.id for problem in refused}
        self.scored = [name for name in self.scored if name not in gone] if gone else self.scored
        self.refuse_problems_if_strict()
