"""How many models are expected where, by a histogram and by the pages seen. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .density import Density
from .histogram import HistogramBuilder
from .timeline import SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .histogram import Histogram
    from .window import Reading

__all__ = ["Estimator"]

# What of the models of a histogram may be new, and how much more or less of them may be chance.
_FEW = 0.1
_HOLDS = 1.1


class Estimator:
    """Expects what the histogram says, and where there is none, the density of the pages around.

    The pages of this run show how many models there are for each of the histogram. The same is
    expected of the rest: where half of the models were deleted, half of the rest is.

    Args:
        histogram: Of an earlier run, if there is one.
        bound: No model can be here or behind it.

    Attributes:
        end: No model is expected here or behind it; ``None`` where that is not known.
        bound: As given.
    """

    def __init__(self, histogram: Histogram | None, bound: int) -> None:
        self.bound = bound
        self.end: int | None = None if histogram is None else histogram.end
        self._histogram = histogram
        self._density = Density()
        # The same in the measure of the histogram: models for each of its own.
        self._kept = Density()
        self._beyond = 0
        self._builder = HistogramBuilder()
        self._begun = False

    def saw_page(self, page: Reading, *, again: bool) -> None:
        """Note a page. The models of its last position do not count if they come ``again``."""
        start, stop, positions = page.start, page.stop, page.positions
        # Before the first row of a listing lies no time in which there could be models.
        start = positions[0] if positions and not self._begun else start
        self._begun = True
        if stop is None:
            self.end = stop = positions[-1] if positions else start
        models = self._builder.saw(start, positions, len(page.answer.rows), again=again)
        self.saw(start, stop, models, positions)

    @property
    def seen(self) -> Histogram | None:
        """The histogram of the pages seen so far."""
        return self._builder.histogram()

    def saw(self, start: int, stop: int, models: int, positions: Sequence[int] = ()) -> None:
        """Note a page: all the models from one position to another, and where some of them lie."""
        self._density.saw(start, max(stop, start + SECOND), models, positions)
        histogram = self._histogram
        if histogram is not None and histogram.first <= start and stop <= histogram.end:
            self._kept.saw(round(histogram.before(start)), round(histogram.before(stop)), models)
        else:
            self._beyond += models

    @property
    def has_histogram(self) -> bool:
        """Whether there is one, and not many more models were seen than it has."""
        return self._histogram is not None and self._beyond <= _FEW * self._histogram.counts[-1]

    def histogram_known(self, position: int) -> bool:
        """Whether there is a histogram of what comes next behind a position."""
        return (
            self._histogram is not None and self._histogram.first <= position < self._histogram.end
        )

    def between(self, start: int, stop: int) -> float:
        """How many models are expected from one position to another."""
        histogram, unknown, models = self._histogram, stop - start, 0.0
        if histogram is not None:
            unknown -= max(0, min(stop, histogram.end) - max(start, histogram.first))
            models = (histogram.before(stop) - histogram.before(start)) * self._kept_at(start)
        return models + unknown * self._density.at(start)

    def steadiness(self, position: int) -> float:
        """How far what is expected behind a position can be relied on, from 0 to 1.

        A histogram holds until pages show more or fewer models than it says.
        """
        if self._histogram is None or not self.histogram_known(position):
            return self._density.steadiness(position)
        kept, position = self._kept_at(position), round(self._histogram.before(position))
        steady = self._kept.steadiness(position) if len(self._kept) > 1 else 1.0
        return steady * max(0.0, min(1.0, _HOLDS + 2 * (min(kept, 1 / kept) - 1)))

    def behind(self, start: int, models: float) -> int | None:
        """Return where so many models are expected to have come from a position on, if anywhere."""
        density = self._density.at(start)
        histogram = self._histogram
        position = start + int(models / density) if density else None
        if histogram is not None and start < histogram.end:
            known = models - max(0, histogram.first - start) * density
            if known > 0:
                known /= self._kept_at(start)
                position = histogram.position(histogram.before(start) + known, after=start)
        return None if position is None else max(start + SECOND, position - position % SECOND)

    def _kept_at(self, position: int) -> float:
        assert self._histogram is not None  # noqa: S101 - for the type checker
        return self._kept.at(round(self._histogram.before(position))) or 1.0
