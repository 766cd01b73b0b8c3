"""Code that connects an application to an environment, for the SDKs that most people use."""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Snippet:
    """`install` is a command, `code` goes into the application."""

    id: str
    title: str
    install: str
    code: str


def snippets(host: str, client_id: str, flag: str, default: Any) -> tuple[Snippet, ...]:
    """`default`: the value that the code falls back to."""
    return (
        Snippet("python", "Python", "pip install launchdarkly-server-sdk", _python(host, flag, default)),
        Snippet("node", "Node.js", "npm install @launchdarkly/node-server-sdk", _node(host, flag, default)),
        Snippet(
            "browser",
            "Browser",
            "npm install launchdarkly-js-client-sdk",
            _browser(host, client_id, flag, default),
        ),
    )


def _python(host: str, flag: str, default: Any) -> str:
    return f"""import os

import ldclient
from ldclient import Context
from ldclient.config import Config

host = {host!r}
ldclient.set_config(
    Config(os.environ["SDK_KEY"], base_uri=host, stream_uri=host, events_uri=host)
)
client = ldclient.get()

context = Context.builder("user-123").set("country", "DE").build()
value = client.variation({flag!r}, context, {default!r})

# What a metric counts:
client.track("purchase", context, metric_value=19.99)
"""


def _node(host: str, flag: str, default: Any) -> str:
    return f"""import {{ init }} from "@launchdarkly/node-server-sdk";

const host = {_js(host)};
const client = init(process.env.SDK_KEY, {{ baseUri: host, streamUri: host, eventsUri: host }});
await client.waitForInitialization({{ timeout: 10 }});

const context = {{ kind: "user", key: "user-123", country: "DE" }};
const value = await client.variation({_js(flag)}, context, {_js(default)});

// What a metric counts:
client.track("purchase", context, null, 19.99);
"""


def _browser(host: str, client_id: str, flag: str, default: Any) -> str:
    return f"""import {{ initialize }} from "launchdarkly-js-client-sdk";

const host = {_js(host)};
const context = {{ kind: "user", key: "user-123" }};
const client = initialize({_js(client_id)}, context, {{
  baseUrl: host, streamUrl: host, eventsUrl: host,
}});
await client.waitForInitialization(5);

const value = client.variation({_js(flag)}, {_js(default)});

// What a metric counts:
client.track("purchase", null, 19.99);
"""


def _js(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
