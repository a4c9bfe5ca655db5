"""The records of Scenario's model catalogue, and the values known of their open fields."""

from ._base import (
    Number,
    Record,
    Timestamp,
)
from ._inputs import (
    Input,
    InputRequired,
    InputRequiredConditional,
)
from ._known_values import (
    AccessRestriction,
    BackgroundBehavior,
    Capability,
    ClassStatus,
    CloneType,
    ConditionOperator,
    InputKind,
    InputType,
    LearningRateScheduler,
    ModelStatus,
    ModelType,
    OptimizeFor,
    Privacy,
    Source,
    TrainingStage,
    TriggerGeneratePosition,
)
from ._model import (
    Model,
)
from ._model_parts import (
    Class,
    ComplianceMetadata,
    Concept,
    Thumbnail,
)
from ._parameters import (
    Parameters,
)
from ._performance import (
    PerformanceStats,
    PerformanceStatsVariant,
    PerformanceStatsVariantArenaScore,
)
from ._training import (
    Epoch,
    EpochAsset,
    TrainingImage,
    TrainingImagePair,
    TrainingProgress,
    TrainingStats,
)
from ._ui_config import (
    UiConfig,
    UiConfigInputProperties,
    UiConfigLorasComponent,
    UiConfigOutputProperties,
    UiConfigPreset,
    UiConfigResolutionComponent,
    UiConfigResolutionComponentPreset,
    UiConfigTriggerGenerate,
)

__all__ = [
    "AccessRestriction",
    "BackgroundBehavior",
    "Capability",
    "Class",
    "ClassStatus",
    "CloneType",
    "ComplianceMetadata",
    "Concept",
    "ConditionOperator",
    "Epoch",
    "EpochAsset",
    "Input",
    "InputKind",
    "InputRequired",
    "InputRequiredConditional",
    "InputType",
    "LearningRateScheduler",
    "Model",
    "ModelStatus",
    "ModelType",
    "Number",
    "OptimizeFor",
    "Parameters",
    "PerformanceStats",
    "PerformanceStatsVariant",
    "PerformanceStatsVariantArenaScore",
    "Privacy",
    "Record",
    "Source",
    "Thumbnail",
    "Timestamp",
    "TrainingImage",
    "TrainingImagePair",
    "TrainingProgress",
    "TrainingStage",
    "TrainingStats",
    "TriggerGeneratePosition",
    "UiConfig",
    "UiConfigInputProperties",
    "UiConfigLorasComponent",
    "UiConfigOutputProperties",
    "UiConfigPreset",
    "UiConfigResolutionComponent",
    "UiConfigResolutionComponentPreset",
    "UiConfigTriggerGenerate",
]
