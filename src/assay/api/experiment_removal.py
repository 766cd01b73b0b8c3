"""What goes with an environment: its experiments, its holdouts, its share of every layer."""

from msgspec.structs import replace

from assay.store.transaction import Transaction


def forget_environment(transaction: Transaction, project: str, environment: str) -> None:
    """Takes away what experiments an environment had; none of them may be running."""
    for kind in ("experiment", "holdout"):
        for key, record in list(transaction.state.all(kind, project).items()):
            if record.environment_key == environment:
                transaction.put((kind, project, key), None, f"delete{kind.capitalize()}")
    for key, layer in list(transaction.state.all("layer", project).items()):
        rest = {name: held for name, held in layer.environments.items() if name != environment}
        transaction.put(("layer", project, key), replace(layer, environments=rest), "updateLayer")
