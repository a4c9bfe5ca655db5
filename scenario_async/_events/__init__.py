"""What a user can watch: one small value for each thing that happens, and where to send it."""

from .hooks import NO_HOOKS, ClientHooks, EventHooks, check_callback, emit, entered
from .models import FleetEvent, LiveEvent, PageEvent, ScopeEvent
from .operations import EndEvent, FailureEvent, Operation, OperationKind, StartEvent
from .requests import RequestEvent, ResponseEvent, RetryEvent, WaitEvent, WaitReason
from .telling import in_stretches, tell_failure, told, told_around

__all__ = [
    "NO_HOOKS",
    "ClientHooks",
    "EndEvent",
    "EventHooks",
    "FailureEvent",
    "FleetEvent",
    "LiveEvent",
    "Operation",
    "OperationKind",
    "PageEvent",
    "RequestEvent",
    "ResponseEvent",
    "RetryEvent",
    "ScopeEvent",
    "StartEvent",
    "WaitEvent",
    "WaitReason",
    "check_callback",
    "emit",
    "entered",
    "in_stretches",
    "tell_failure",
    "told",
    "told_around",
]
