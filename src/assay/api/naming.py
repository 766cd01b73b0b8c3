"""What policies call an operation where its row doesn't say: an action and a resource, from method and path."""

COLLECTIONS = {
    "projects": "proj",
    "environments": "env",
    "flags": "flag",
    "flag-status": "flag",
    "flag-statuses": "flag",
    "evaluations": "flag",
    "segments": "segment",
    "metrics": "metric",
    "metric-groups": "metric-group",
    "experiments": "experiment",
    "holdouts": "holdout",
    "layers": "layer",
    "contexts": "context",
    "context-kinds": "context-kind",
    "tokens": "service-token",
    "members": "member",
    "roles": "role",
    "webhooks": "webhook",
}
IN_ENVIRONMENTS = ("flag", "segment", "experiment", "holdout", "context")
NAMES = {"proj": "Project", "env": "Environment", "service-token": "AccessToken"}
STRUCTURAL = {"{project}": "proj", "{environment}": "env"}
VERBS = {"GET": "view", "DELETE": "delete"}


def default_resource(path: str) -> str:
    """The resource that a path names, with the path's own parameters; `*` where it names a whole collection."""
    kind, name, _ = _target(path)
    if not kind:
        return "acct"
    if kind == "proj" or "{project}" not in path:
        return f"{kind}/{name}"
    environment = "{environment}" if "{environment}" in path else "*"
    steps = ["proj/{project}"]
    if kind != "env" and (kind in IN_ENVIRONMENTS or environment != "*"):
        steps.append(f"env/{environment}")
    return ":".join((*steps, f"{kind}/{name}"))


def default_action(method: str, path: str, role: str) -> str:
    """A verb and the kind of thing: view where reading suffices, create on a collection, else update or delete."""
    kind, name, ends_there = _target(path)
    thing = thing_of(kind or path.rsplit("/", 1)[-1])
    if role == "reader":
        return f"view{thing}"
    if role == "writer" and method == "GET":
        # More than reading: what units did, one by one.
        return f"export{thing}"
    if not ends_there:
        return f"{VERBS['GET'] if method == 'GET' else 'update'}{thing}"
    verb = "create" if method == "POST" and name == "*" else VERBS.get(method, "update")
    return f"{verb}{thing}"


def _target(path: str) -> tuple[str, str, bool]:
    """The kind and name of what the path leads to, and whether it ends there. What lies below one thing is its part."""
    kind, name, ends_there = "", "*", False
    for segment in path.removeprefix("/api/v2").strip("/").split("/"):
        structural = STRUCTURAL.get(segment)
        settled = name != "*" and kind not in STRUCTURAL.values()
        if segment in COLLECTIONS and not settled:
            kind, name, ends_there = COLLECTIONS[segment], "*", True
        elif structural is not None:
            name = segment if structural == kind else name
        elif segment.startswith("{") and name == "*":
            name, ends_there = segment, True
        else:
            ends_there = False
    return kind, name, ends_there


def thing_of(kind: str) -> str:
    """What actions call a kind of resource."""
    return NAMES.get(kind) or "".join(word[:1].upper() + word[1:] for word in kind.split("-"))
