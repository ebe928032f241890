"""How a refusal is looked at whole: the words that people read, and what a form is told."""

from collections.abc import Callable
from typing import Any

import pytest

from emberone.domain.errors import Invalid


def refused(call: Callable[..., Any], *values: Any, **named: Any) -> tuple[str, dict[str, Any]]:
    """The message and the details of the refusal that this call ends with."""
    with pytest.raises(Invalid) as refusal:
        call(*values, **named)
    return refusal.value.message, refusal.value.details
