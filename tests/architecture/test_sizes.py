"""The budgets that keep the house readable."""

import ast
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "src" / "assay").rglob("*.py"))


def lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text())
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a function, its docstring left out."""
    whole = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    has_docstring = ast.get_docstring(function) is not None
    return whole - ((first.end_lineno or first.lineno) - first.lineno + 1 if has_docstring else 0)


def test_files_are_short() -> None:
    sizes = [lines(path) for path in MODULES if lines(path) > 1]
    assert median(sizes) <= 150
    assert [str(path) for path in MODULES if lines(path) > 600] == []


def test_functions_are_short() -> None:
    sizes = [length(function) for path in MODULES for function in functions(path)]
    assert median(sizes) <= 8
    assert [f.name for path in MODULES for f in functions(path) if length(f) > 80] == []


def test_functions_take_few_parameters() -> None:
    def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
        named = [a for a in (*function.args.posonlyargs, *function.args.args) if a.arg not in {"self", "cls"}]
        return len(named)

    assert [f.name for path in MODULES for f in functions(path) if parameters(f) > 6] == []


def test_classes_have_few_methods() -> None:
    crowded = [
        node.name
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
        and sum(isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef) for item in node.body) > 20
    ]
    assert crowded == []


def test_every_module_says_what_it_is_for() -> None:
    assert [str(path) for path in MODULES if not ast.get_docstring(ast.parse(path.read_text()))] == []


def test_no_import_of_our_own_hides_in_a_function() -> None:
    allowed = {"demonstration.py"}
    hidden = [
        f"{path.name}:{node.lineno}"
        for path in MODULES
        if path.name not in allowed
        for function in functions(path)
        for node in ast.walk(function)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("assay")
    ]
    assert hidden == []
