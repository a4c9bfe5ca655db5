"""What a signed URL says of itself. No I/O, no clock."""

from base64 import b64decode
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import msgspec


class _DateLessThan(msgspec.Struct):
    seconds: int | float = msgspec.field(name="AWS:EpochTime")


class _Condition(msgspec.Struct, rename="pascal"):
    date_less_than: _DateLessThan


class _Statement(msgspec.Struct, rename="pascal"):
    condition: _Condition


class _Policy(msgspec.Struct, rename="pascal"):
    statement: list[_Statement]


_policy_decoder = msgspec.json.Decoder(_Policy)
# Base64 of a policy, made fit for a URL:
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-creating-signed-url-custom-policy.html
_AS_BASE64 = str.maketrans("-_~", "+=/")


def expiry(url: str) -> datetime | None:
    """When a signed URL expires, as its ``Expires`` or its ``Policy`` says; the earlier of both.

    ``None`` where it does not say so: it is not signed, or not as CloudFront signs.
    """
    try:
        query = dict(parse_qsl(urlsplit(url).query))
    except ValueError:
        return None
    moments = (_moment(query.get("Expires", "")), _policy_moment(query.get("Policy", "")))
    return min((moment for moment in moments if moment is not None), default=None)


def _policy_moment(policy: str) -> datetime | None:
    try:
        statements = _policy_decoder.decode(b64decode(policy.translate(_AS_BASE64))).statement
    except (ValueError, msgspec.MsgspecError, RecursionError):
        return None
    moments = [_moment(one.condition.date_less_than.seconds) for one in statements]
    return min((moment for moment in moments if moment is not None), default=None)


def _moment(seconds: str | float) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        return None
