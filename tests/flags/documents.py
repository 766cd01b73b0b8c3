"""Short ways to write flags, segments and contexts in their wire form."""

from typing import Any

Document = dict[str, Any]


def flag(key: str = "flag", **parts: Any) -> Document:
    """On, with three variations "a", "b" and "c": "c" by fallthrough, "a" when off."""
    common = {
        "key": key,
        "version": 7,
        "on": True,
        "variations": ["a", "b", "c"],
        "offVariation": 0,
        "fallthrough": {"variation": 2},
        "salt": "salty",
    }
    return common | parts


def rule(*clauses: Document, **parts: Any) -> Document:
    """Serves "b" where it says nothing else."""
    return {"id": "rule-id", "clauses": list(clauses)} | (parts or {"variation": 1})


def clause(attribute: str, op: str, *values: Any, **parts: Any) -> Document:
    return {"attribute": attribute, "op": op, "values": list(values)} | parts


def segment_clause(*keys: str, **parts: Any) -> Document:
    return clause("", "segmentMatch", *keys, **parts)


def segment(key: str = "segment", **parts: Any) -> Document:
    return {"key": key, "version": 3, "salt": "pepper"} | parts


def user(key: str = "user-1", **attributes: Any) -> Document:
    return {"kind": "user", "key": key, **attributes}


def multi(**parts: Any) -> Document:
    return {"kind": "multi", **parts}


def by_key(*documents: Document) -> dict[str, Document]:
    return {document["key"]: document for document in documents}
