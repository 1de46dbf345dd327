"""What the JSON-RPC 2.0 specification's examples call: `--service tests.specification:service`."""

from __future__ import annotations

from protocols.rpc import Service

service = Service("specification")


@service.method
def subtract(minuend: int, subtrahend: int) -> int:
    """§7, the first examples."""
    return minuend - subtrahend


@service.method
def update(a: int, b: int, c: int, d: int, e: int) -> None:
    """§7, a notification."""


@service.method(name="sum")
def total(a: int, b: int, c: int) -> int:
    """§7, in a batch."""
    return a + b + c


@service.method
def notify_hello(number: int) -> None:
    """§7, in a batch."""


@service.method
def notify_sum(a: int, b: int, c: int) -> None:
    """§7, in a batch."""


@service.method
def get_data() -> list[str | int]:
    """§7, in a batch."""
    return ["hello", 5]
