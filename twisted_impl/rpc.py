"""x"""

from twisted_impl.service import ProtocolService, ServiceOptions
from protocols.services import SERVICES
