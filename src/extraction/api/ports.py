"""What taking records in needs from outside."""

from dataclasses import dataclass

from utils.delivery_project import DeliveryProject
from utils.store import ObjectStore


@dataclass(frozen=True)
class Ports:
    """The project's declaration and the raw store."""

    project: DeliveryProject
    raw: ObjectStore
