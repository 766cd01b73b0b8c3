"""Whom the audit trail means, in words."""

from assay.store.state import State


def actor_words(state: State, actor: str) -> str:
    """`token/…` and `member/…` by name or address; what is gone or is no person as it stands."""
    kind, _, identifier = actor.partition("/")
    record = state.find((kind, "", identifier)) if kind in ("token", "member") else None
    if record is None:
        return {"assay/first-start": "the first start"}.get(actor, actor)
    if kind == "member":
        name = f"{record.first_name} {record.last_name}".strip()
        return name or str(record.email)
    return f"{record.name} (token …{record.ending})" if record.name else f"token …{record.ending}"
