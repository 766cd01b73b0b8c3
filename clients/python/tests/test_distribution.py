"""What is shipped: size, types, a wheel that installs alone, a README that runs."""

import ast
import os
import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from collections.abc import Callable
from email.parser import Parser
from pathlib import Path

import pytest

from canned import TOKEN
from conftest import Serve
from loopback import Answer, Request, Script, response

CLIENT = Path(__file__).resolve().parents[1]
Check = Callable[[str], subprocess.CompletedProcess[str]]
PACKAGE = CLIENT / "src" / "launchdarkly_api"

# Uses what a program uses; every `reveal` below is checked against the type it must have.
TYPED_SCRIPT = """
import asyncio
from datetime import UTC, datetime

import launchdarkly_api
from launchdarkly_api.api.experiments__beta_api import ExperimentsBetaApi
from launchdarkly_api.model.experiment_results_rep import ExperimentResultsRep


def rates(results: ExperimentResultsRep) -> list[float]:
    return [total.cumulative_conversion_rate for total in results.totals]


def counts(results: ExperimentResultsRep) -> list[int]:
    return [entry.count for bucket in results.series for entry in bucket.variation_data.value]


configuration = launchdarkly_api.Configuration(host="http://127.0.0.1:8030")
configuration.api_key["ApiKey"] = "YOUR_API_KEY"
with launchdarkly_api.ApiClient(configuration) as client:
    api = ExperimentsBetaApi(client)
    try:
        reveal_type(api.get_experiment("p", "f", "e", "m", _from=1, to=1, _request_timeout=(1, 2)))
        api.reset_experiment("p", "f", "e", "m")
    except launchdarkly_api.ApiException as error:
        reveal_type(error.status)


async def main() -> None:
    async with launchdarkly_api.experiments("http://127.0.0.1:8030", "token") as experiments:
        results = await experiments.read_async(
            project="p", flag="f", environment="e", metric="m", start=datetime(2021, 1, 1, tzinfo=UTC)
        )
        reveal_type(results.stats.min_sample_size_met)
        reveal_type(results.links["self"].href)
        print(rates(results), counts(results))


asyncio.run(main())
"""
REVEALED = [
    "launchdarkly_api.model.experiment_results_rep.ExperimentResultsRep",
    "int | None",
    "bool",
    "str",
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--wheel-dir", str(folder), str(CLIENT)], check=True, timeout=300)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that holds the wheel and what it asks for, and nothing else."""
    environment = tmp_path_factory.mktemp("alone") / "venv"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(wheel)]
    subprocess.run(pip, check=True, timeout=300)
    return python


@pytest.fixture
def check_types(installed: Path, tmp_path: Path) -> Callable[[str], subprocess.CompletedProcess[str]]:
    def check(script: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "script.py").write_text(script)
        command = [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--python-executable",
            str(installed),
            "script.py",
        ]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    return check


def test_a_script_that_uses_the_client_passes_strict_type_checking(check_types: Check) -> None:
    checked = check_types(TYPED_SCRIPT)
    assert checked.returncode == 0, checked.stdout
    assert re.findall(r'Revealed type is "(.*)"', checked.stdout.replace("builtins.", "")) == REVEALED


@pytest.mark.parametrize(
    "mistake",
    [
        "api.get_experiment('p', 'f', 'e')",
        "api.get_experiment('p', 'f', 'e', 'm').totals[0].cumulative_count.lower()",
        "launchdarkly_api.experiments('h', 't').read(project='p', flag='f', environment='e')",
        "launchdarkly_api.experiments('h', 't').reset(project='p', flag='f', environment='e', metric=3)",
    ],
)
def test_strict_type_checking_finds_a_wrong_use(mistake: str, check_types: Check) -> None:
    head = "import launchdarkly_api\nfrom launchdarkly_api.apis import ExperimentsBetaApi\n"
    checked = check_types(f"{head}api = ExperimentsBetaApi()\n{mistake}\n")
    assert checked.returncode == 1
    assert re.search(r"^script.py:4: error: .*", checked.stdout, re.MULTILINE), checked.stdout
    assert "Found 1 error" in checked.stdout


def code_lines(source: str) -> int:
    """Lines that are not blank, comment or docstring."""
    tree = ast.parse(source)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    told: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node) is not None:
            told.update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    lines = enumerate(source.splitlines(), start=1)
    return sum(1 for number, line in lines if line.strip() and line.strip()[0] != "#" and number not in told)


def test_the_package_stays_small() -> None:
    modules = {path: path.read_text() for path in PACKAGE.rglob("*.py")}
    assert sum(code_lines(source) for source in modules.values()) <= 830
    assert max(len(source.splitlines()) for source in modules.values()) <= 200
    assert all(ast.get_docstring(ast.parse(source)) for source in modules.values())


def test_there_is_one_dependency_and_the_name_is_not_the_official_one() -> None:
    project = tomllib.loads((CLIENT / "pyproject.toml").read_text())["project"]
    assert [re.split("[<>=]", dependency)[0] for dependency in project["dependencies"]] == ["httpx"]
    assert project["name"] == "assay-launchdarkly-api"


def test_the_wheel_holds_the_package_its_types_and_its_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (metadata_name,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(metadata_name).decode())
    shipped = {f"launchdarkly_api/{path.relative_to(PACKAGE)}" for path in PACKAGE.rglob("*.py")}
    assert shipped | {"launchdarkly_api/py.typed"} == {name for name in names if ".dist-info/" not in name}
    assert any(name.endswith("licenses/LICENSE") for name in names)
    required = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert len(required) == 1


def test_the_wheel_installs_alone_and_works(installed: Path, serve: Serve, results_body: str) -> None:
    server = serve(lambda request: response(results_body))
    use = f"""
import importlib.util, launchdarkly_api
assert importlib.util.find_spec("pandas") is None
with launchdarkly_api.experiments({server.host!r}, {TOKEN!r}) as experiments:
    results = experiments.read(project="p", flag="f", environment="e", metric="m")
print(results.granularity, launchdarkly_api.__version__)
try:
    results.to_pandas()
except ImportError as error:
    print(error)
"""
    done = subprocess.run(
        [str(installed), "-I", "-W", "error", "-c", use], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    version = re.search('__version__ = "(.*)"', (PACKAGE / "__init__.py").read_text())
    assert version is not None
    assert done.stdout.splitlines() == [f"daily {version[1]}", "No module named 'pandas'"]


def run_with_warnings_as_errors(script: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(CLIENT / "src")}
    command = [sys.executable, "-W", "error", "-c", script]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def answer_both(results_body: str) -> Script:
    def answer(request: Request) -> Answer:
        return (
            response(status=204, reason="No Content")
            if request.method == "DELETE"
            else response(results_body)
        )

    return answer


def test_the_readme_says_what_must_be_known_and_its_examples_run(serve: Serve, results_body: str) -> None:
    readme = (CLIENT / "README.md").read_text()
    assert "share the import name `launchdarkly_api` and cannot be\ninstalled together" in readme
    server = serve(answer_both(results_body))
    examples = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        done = run_with_warnings_as_errors(example.replace("http://127.0.0.1:8030", server.host))
        assert (done.returncode, done.stderr) == (0, "")
    assert [request.method for request in server.requests] == ["GET", "DELETE"] * 2


def test_a_script_that_closes_nothing_ends_quietly(serve: Serve, results_body: str) -> None:
    server = serve(lambda request: response(results_body))
    script = f"""
import launchdarkly_api
from launchdarkly_api.apis import ExperimentsBetaApi
api = ExperimentsBetaApi(launchdarkly_api.ApiClient(launchdarkly_api.Configuration(host={server.host!r})))
print(api.get_experiment("p", "f", "e", "m").granularity)
pending = api.get_experiment("p", "f", "e", "m", async_req=True)
"""
    done = run_with_warnings_as_errors(script)
    assert (done.returncode, done.stdout, done.stderr) == (0, "daily\n", "")
