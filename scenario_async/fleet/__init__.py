"""Many accounts in one PostgreSQL, kept fresh by workers on any number of machines.

Needs the extra ``scenario-async[fleet]``.
"""

from ._credentials import Credentials, credentials_of
from ._errors import CredentialsError, ResolverError, UnknownAccountError
from ._fleet import Fleet
from ._status import Account, AccountState, FleetStatus, Lag

__all__ = [
    "Account",
    "AccountState",
    "Credentials",
    "CredentialsError",
    "Fleet",
    "FleetStatus",
    "Lag",
    "ResolverError",
    "UnknownAccountError",
    "credentials_of",
]
