"""What the tenants of the data center share: storage, admission, and closing by themselves."""

from ._admission import AdmissionControl
from ._tenant import Tenant

__all__ = ["AdmissionControl", "Tenant"]
