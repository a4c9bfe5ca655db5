"""Models by their ids: one, many, in short, once they are trained, and what they are shown with."""

from .bulk import MODELS, fetch_bulk
from .bulk_refusals import refuses_bulk, refuses_ids
from .ids import check_id, given_id
from .planner import Missing
from .preview_urls import FetchPreviews, PreviewUrls
from .previews import previews_of
from .retrieval import Retrieval, models_of, retrieve_many, retrieve_one
from .training import as_trained, still_waiting, training_ended, wait_until_trained

__all__ = [
    "MODELS",
    "FetchPreviews",
    "Missing",
    "PreviewUrls",
    "Retrieval",
    "as_trained",
    "check_id",
    "fetch_bulk",
    "given_id",
    "models_of",
    "previews_of",
    "refuses_bulk",
    "refuses_ids",
    "retrieve_many",
    "retrieve_one",
    "still_waiting",
    "training_ended",
    "wait_until_trained",
]
