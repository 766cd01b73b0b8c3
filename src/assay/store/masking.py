"""What the audit trail may not hold: secrets, their digests, and keys that open something."""

import re
from typing import Any

# Names of fields, in whatever room: sdkKey, mobileKey, a webhook's secret, digests of tokens and passwords.
_SECRET = re.compile(r"sdk_?key|mobile_?key|digest|secret|password|^ending$", re.IGNORECASE)
_KEY = re.compile(r"sdk_?key|mobile_?key", re.IGNORECASE)

# Customers' own words: a variation's value may well have a field called secret.
UNMASKED = frozenset({"flag", "segment"})


def masked(document: Any) -> Any:
    """The document without the texts of such fields; of SDK and mobile keys the last four characters stay."""
    if isinstance(document, dict):
        return {
            name: _hidden(value, 4 if _KEY.search(str(name)) else 0)
            if _SECRET.search(str(name))
            else masked(value)
            for name, value in document.items()
        }
    return [masked(item) for item in document] if isinstance(document, list | tuple) else document


def _hidden(value: Any, shown: int) -> Any:
    if isinstance(value, str):
        return "…" + (value[-shown:] if shown and len(value) > 4 * shown else "") if value else ""
    if isinstance(value, dict):
        return {"…": len(value)} if value else {}
    return [_hidden(item, shown) for item in value] if isinstance(value, list | tuple) else value
