"""What a model costs, how fast it is and how it is rated."""

import msgspec

from ._base import Number, Record, Timestamp


class PerformanceStatsVariantArenaScore(Record, frozen=True, kw_only=True):
    """How people on arena.ai rate a model against others.

    Fields as documented in the API reference.
    """

    arena_category: str | None = None
    """The leaderboard, as ``text_to_image``."""

    arena_model_name: str | None = None
    """What the leaderboard calls the model."""

    fetched_at: Timestamp | None = None
    """When Scenario last read the leaderboard."""

    rank: Number | None = None
    """Place on the leaderboard, 1 being the best."""

    rating: Number | None = None
    """Elo rating."""

    rating_lower: Number | None = None
    """Lower end of the rating's confidence interval."""

    rating_upper: Number | None = None
    """Upper end of the rating's confidence interval."""

    votes: Number | None = None
    """How many human votes the rating rests on."""


class PerformanceStatsVariant(Record, frozen=True, kw_only=True):
    """Measurements of one way to use a model: one capability, at one resolution if it has any.

    Fields as documented in the API reference. Costs are compute units for one asset, latencies
    seconds for one asset.
    """

    arena_score: PerformanceStatsVariantArenaScore | None = None
    """Rating by people, where there is one."""

    capability: str | None = None
    """What was measured, as ``txt2img``. Known values: :type:`Capability`."""

    computed_at: Timestamp | None = None
    """When the measurements were last summed up."""

    cost_per_asset_max_cu: Number | None = msgspec.field(default=None, name="costPerAssetMaxCU")
    """Highest cost, in compute units."""

    cost_per_asset_min_cu: Number | None = msgspec.field(default=None, name="costPerAssetMinCU")
    """Lowest cost, in compute units."""

    cost_per_asset_p50_cu: Number | None = msgspec.field(default=None, name="costPerAssetP50CU")
    """Median cost, in compute units."""

    inference_latency_p50_sec: Number | None = None
    """Median time the model itself takes, in seconds."""

    inference_latency_p75_sec: Number | None = None
    """Time within which the model itself is done in three cases of four, in seconds."""

    resolution: str | None = None
    """Size class of the output, as ``0.5K`` or ``2K``."""

    total_latency_p50_sec: Number | None = None
    """Median time with the wait in the queue, in seconds."""

    total_latency_p75_sec: Number | None = None
    """Time with the wait in the queue that three cases of four stay within, in seconds."""

    variant_key: str | None = None
    """Name of the variant, unique within the model: ``txt2img:1K``, ``txt2audio``."""


class PerformanceStats(Record, frozen=True, kw_only=True):
    """What the service measured of a model.

    Fields as documented in the API reference.
    """

    default: str | None = None
    """The ``variant_key`` to compare this model with others by."""

    variants: tuple[PerformanceStatsVariant, ...] | None = None
    """The measurements, one entry for each variant."""
