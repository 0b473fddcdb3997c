"""What the tenants of the data center share: storage, admission control and automatic closing.

tenant = Tenant(world)
return tenant.app(tenant.route("/check", check), ...)
"""

from ._admission import AdmissionControl
from ._tenant import Tenant

__all__ = ["AdmissionControl", "Tenant"]
