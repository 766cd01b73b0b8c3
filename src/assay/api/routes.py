"""The route table of REST API v2: method, path, the least role it takes, and who answers."""

from assay.api import environments, evaluations, experiments_beta, feature_flags, metrics, projects, tokens
from assay.api.call import Operation

PROJECT = "/api/v2/projects/{project}"
ENVIRONMENT = PROJECT + "/environments/{environment}"
FLAG = "/api/v2/flags/{project}/{flag}"
METRIC = "/api/v2/metrics/{project}/{metric}"
EXPERIMENT = FLAG + "/experiments/{environment}/{metric}"
STATUSES = "/api/v2/flag-statuses/{project}/{environment}"
STATUS = "/api/v2/flag-status/{project}/{flag}"
USAGE = "/api/v2/usage/evaluations/{project}/{environment}/{flag}"

OPERATIONS = (
    Operation("GET", "/api/v2/projects", "reader", projects.list_projects),
    Operation("POST", "/api/v2/projects", "admin", projects.create_project),
    Operation("GET", PROJECT, "reader", projects.get_project),
    Operation("PATCH", PROJECT, "admin", projects.patch_project),
    Operation("DELETE", PROJECT, "admin", projects.delete_project),
    Operation("GET", PROJECT + "/environments", "reader", environments.list_environments),
    Operation("POST", PROJECT + "/environments", "admin", environments.create_environment),
    Operation("GET", ENVIRONMENT, "reader", environments.get_environment),
    Operation("PATCH", ENVIRONMENT, "admin", environments.patch_environment),
    Operation("DELETE", ENVIRONMENT, "admin", environments.delete_environment),
    Operation("GET", "/api/v2/flags/{project}", "reader", feature_flags.list_flags),
    Operation("POST", "/api/v2/flags/{project}", "writer", feature_flags.create_flag),
    Operation("GET", FLAG, "reader", feature_flags.get_flag),
    Operation("PATCH", FLAG, "writer", feature_flags.patch_flag),
    Operation("DELETE", FLAG, "writer", feature_flags.delete_flag),
    Operation("GET", EXPERIMENT, "reader", experiments_beta.get_experiment, results=True),
    Operation("DELETE", EXPERIMENT + "/results", "writer", experiments_beta.reset_experiment),
    Operation("GET", STATUSES, "reader", evaluations.list_statuses, results=True),
    Operation("GET", STATUSES + "/{flag}", "reader", evaluations.get_status, results=True),
    Operation("GET", STATUS, "reader", evaluations.get_status_across_environments, results=True),
    Operation("GET", USAGE, "reader", evaluations.get_usage, results=True),
    Operation("GET", "/api/v2/metrics/{project}", "reader", metrics.list_metrics),
    Operation("POST", "/api/v2/metrics/{project}", "writer", metrics.create_metric),
    Operation("GET", METRIC, "reader", metrics.get_metric),
    Operation("PATCH", METRIC, "writer", metrics.patch_metric),
    Operation("DELETE", METRIC, "writer", metrics.delete_metric),
    Operation("GET", "/api/v2/tokens", "admin", tokens.list_tokens),
    Operation("POST", "/api/v2/tokens", "admin", tokens.create_token),
    Operation("GET", "/api/v2/tokens/{token}", "admin", tokens.get_token),
    Operation("DELETE", "/api/v2/tokens/{token}", "admin", tokens.delete_token),
)
