"""What the tenants of the data center share: storage, admission, and closing by themselves."""

from ._door import Door
from ._tenant import Tenant

__all__ = ["Door", "Tenant"]
